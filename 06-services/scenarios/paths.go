package scenarios

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Run tests a shop on all paths. They share one shop, since the shop must bear that.
func Run(t *testing.T, start Start) {
	s := start(t, Impatient())
	t.Run("paths", func(t *testing.T) {
		for name, path := range map[string]func(*testing.T, *System){
			"happy": happy, "out of stock": outOfStock, "declined": declined, "never answered": neverAnswered, "reply lost": replyLost,
			"customer cancels": customerCancels, "refund": refund, "refund fails twice": refundFailsTwice,
			"refund stuck": refundStuck, "ordered twice": orderedTwice, "not mine": notMine,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				path(t, s)
			})
		}
	})
	t.Run("services restarted", func(t *testing.T) { restarted(t, s) })
	t.Run("broker gone", func(t *testing.T) {
		if s.Broker == nil {
			t.Skip("this needs a broker that the test may kill")
		}
		brokerGone(t, s)
	})
	t.Run("audit", func(t *testing.T) { sound(t, s) })
}

func happy(t *testing.T, s *System) {
	sku, c := sells(t, s, 1000), newCustomer(t, s)
	id := c.buy(t, sku)
	c.becomes(t, id, "confirmed")
	p := paid(t, s, id)
	require.Equal(t, "captured", p.State)
	require.EqualValues(t, 1000, p.Amount.Minor)
	left(t, s, sku, stocked-1)
	await(t, "the parcel of "+id+" is delivered", func() bool {
		var parcel struct{ Status string }
		a := c.ask(t, "GET", "/orders/"+id+"/parcel", nil)
		if a.status == http.StatusOK {
			a.read(t, &parcel)
		}
		return parcel.Status == "delivered"
	})
	await(t, "the customer is told of "+id, func() bool {
		var told struct{ Deliveries []struct{ About string } }
		c.insist(t, http.StatusOK, "GET", "/users/me/deliveries", nil).read(t, &told)
		return slices.Contains(told.Deliveries, struct{ About string }{"order.confirmed"})
	})
}

func outOfStock(t *testing.T, s *System) {
	sku, c := sells(t, s, 1000), newCustomer(t, s)
	login(t, s, s.Admin.Email, s.Admin.Password).stock(t, sku, 0)
	o := c.becomes(t, c.buy(t, sku), "cancelled")
	require.Equal(t, "out_of_stock", o.Reason)
	left(t, s, sku, 0)
	require.Equal(t, http.StatusNotFound,
		login(t, s, s.Admin.Email, s.Admin.Password).ask(t, "GET", "/payments/"+o.ID, nil).status, "nobody was asked for money")
}

func declined(t *testing.T, s *System) { comesToNothing(t, s, 1013, "payment_declined", "declined") }

func neverAnswered(t *testing.T, s *System) { comesToNothing(t, s, 1077, "no_answer", "voided") }

// comesToNothing orders something whose price the bank doesn't like.
func comesToNothing(t *testing.T, s *System, price int, reason, payment string) {
	sku, c := sells(t, s, price), newCustomer(t, s)
	o := c.becomes(t, c.buy(t, sku), "cancelled")
	require.Equal(t, reason, o.Reason)
	require.Equal(t, payment, paid(t, s, o.ID).State)
	left(t, s, sku, stocked)
}

func replyLost(t *testing.T, s *System) {
	sku, c := sells(t, s, 1099), newCustomer(t, s)
	o := c.becomes(t, c.buy(t, sku), "confirmed")
	p := paid(t, s, o.ID)
	require.Equal(t, "captured", p.State)
	require.EqualValues(t, 1099, p.Amount.Minor)
	left(t, s, sku, stocked-1)
}

func customerCancels(t *testing.T, s *System) {
	sku, c := sells(t, s, 1177), newCustomer(t, s) // its payment hangs, so there is time
	id := c.buy(t, sku)
	c.insist(t, http.StatusAccepted, "POST", "/orders/"+id+"/cancel", nil)
	o := c.becomes(t, id, "cancelled")
	require.Equal(t, "customer", o.Reason)
	left(t, s, sku, stocked)
}

func refund(t *testing.T, s *System) {
	sku, c := sells(t, s, 1000), newCustomer(t, s)
	id := c.buy(t, sku)
	c.becomes(t, id, "confirmed")
	c.insist(t, http.StatusAccepted, "POST", "/orders/"+id+"/refund", nil)
	c.becomes(t, id, "refunded")
	refundedOnce(t, s, id)
	left(t, s, sku, stocked)
}

func refundFailsTwice(t *testing.T, s *System) {
	sku, c := sells(t, s, 1066), newCustomer(t, s)
	id := c.buy(t, sku)
	c.becomes(t, id, "confirmed")
	c.insist(t, http.StatusAccepted, "POST", "/orders/"+id+"/refund", nil)
	await(t, "order "+id+" is refunded, by itself or after a resume", func() bool {
		o := c.see(t, id)
		if o.Status == "refund_stuck" {
			login(t, s, s.Admin.Email, s.Admin.Password).ask(t, "POST", "/sagas/"+id+"/resume", nil)
		}
		return o.Status == "refunded"
	})
	refundedOnce(t, s, id)
	left(t, s, sku, stocked)
}

func refundStuck(t *testing.T, s *System) {
	sku, c := sells(t, s, 1067), newCustomer(t, s)
	id := c.buy(t, sku)
	c.becomes(t, id, "confirmed")
	c.insist(t, http.StatusAccepted, "POST", "/orders/"+id+"/refund", nil)
	c.becomes(t, id, "refund_stuck")
	p := paid(t, s, id)
	require.Len(t, p.Refunds, 1)
	require.NotEqual(t, "refunded", p.Refunds[0].State)
	admin := login(t, s, s.Admin.Email, s.Admin.Password)
	require.Contains(t, string(admin.insist(t, http.StatusOK, "GET", "/sagas?overdue=true", nil).body), id)
}

func refundedOnce(t *testing.T, s *System, id string) {
	t.Helper()
	p := paid(t, s, id)
	require.Len(t, p.Refunds, 1)
	require.Equal(t, "refunded", p.Refunds[0].State)
}

func orderedTwice(t *testing.T, s *System) {
	sku, c := sells(t, s, 1000), newCustomer(t, s)
	first, second := c.order(t, sku, "my only order"), c.order(t, sku, "my only order")
	require.Equal(t, first, second)
	c.becomes(t, first, "confirmed")
	require.Equal(t, first, c.order(t, sku, "my only order"), "also when it is over")
	var list struct{ Orders []order }
	c.insist(t, http.StatusOK, "GET", "/orders", nil).read(t, &list)
	require.Len(t, list.Orders, 1)
	left(t, s, sku, stocked-1)
}

func notMine(t *testing.T, s *System) {
	sku, c, other := sells(t, s, 1000), newCustomer(t, s), newCustomer(t, s)
	id := c.buy(t, sku)
	for _, path := range []string{"", "/events", "/overview", "/parcel"} {
		require.Equal(t, http.StatusNotFound, other.ask(t, "GET", "/orders/"+id+path, nil).status, path)
	}
	require.Equal(t, http.StatusNotFound, other.ask(t, "POST", "/orders/"+id+"/cancel", nil).status)
	require.Equal(t, http.StatusUnauthorized, (&person{system: s}).ask(t, "GET", "/orders/"+id, nil).status)
	require.Equal(t, http.StatusForbidden, c.ask(t, "PUT", "/stock/"+sku, map[string]int{"available": 1}).status)
	c.becomes(t, id, "confirmed")
}

// restarted: orders that are under way when all services end go on when they are back. What took too long meanwhile may be
// cancelled; then it costs nothing.
func restarted(t *testing.T, s *System) {
	sku, c := sells(t, s, 1099), newCustomer(t, s)
	var ids []string
	for range 6 {
		ids = append(ids, c.buy(t, sku))
	}
	s.Restart(t)
	var confirmed int64
	for _, id := range ids {
		o := c.ends(t, id)
		if o.Status == "confirmed" {
			confirmed++
			require.Equal(t, "captured", paid(t, s, id).State)
			continue
		}
		require.Equal(t, "no_answer", o.Reason)
		a := login(t, s, s.Admin.Email, s.Admin.Password).ask(t, "GET", "/payments/"+id, nil)
		require.NotContains(t, string(a.body), "captured")
	}
	left(t, s, sku, stocked-confirmed)
}

// brokerGone: orders are taken while RabbitMQ is dead, and go on when it is back.
func brokerGone(t *testing.T, s *System) {
	sku, c := sells(t, s, 1000), newCustomer(t, s)
	before := c.buy(t, sku)
	s.Broker.Kill()
	during := c.buy(t, sku)
	require.NotEqual(t, "confirmed", c.see(t, during).Status)
	require.NoError(t, s.Broker.Restart())
	c.becomes(t, before, "confirmed")
	c.becomes(t, during, "confirmed")
	left(t, s, sku, stocked-2)
}

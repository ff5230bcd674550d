package order_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/money"
	"warren.example/06-services/store/storetest"
)

var total = money.Of(3*399+2500, "EUR")

// each runs a test with a new shop on every database.
func each(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Open) { test(t, open(t, db)) })
}

// reserved places an order and answers that its goods are kept: it is charged now.
func (s *shop) reserved(key string) string {
	s.t.Helper()
	id := s.place(key)
	s.expect("order.placed", "stock.reserve")
	s.answer(events.StockReserved{Order: id})
	s.expect("payment.charge")
	return id
}

// confirmed places an order that is paid.
func (s *shop) confirmed(key string) string {
	s.t.Helper()
	id := s.reserved(key)
	s.answer(events.PaymentCaptured{Order: id, Amount: total})
	s.expect("order.confirmed", "stock.commit")
	return id
}

// passes lets time pass, and with it the deadlines.
func (s *shop) passes(d time.Duration) {
	s.t.Helper()
	s.later(d)
	_, err := s.orders.PassDeadlines(s.t.Context())
	require.NoError(s.t, err)
}

func TestHappyPath(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.place("k")
		sent := s.sent()
		require.Len(t, sent, 2)
		placed, err := events.Decode[events.OrderPlaced](sent[0])
		require.NoError(t, err)
		require.Equal(t, events.OrderPlaced{Order: id, Customer: "ann", Total: total, Items: []events.Item{
			{SKU: "tea", Quantity: 3, Price: money.Of(399, "EUR")}, {SKU: "kettle", Quantity: 1, Price: money.Of(2500, "EUR")},
		}}, placed)
		require.Equal(t, int64(1), sent[0].Version)
		reserve, err := events.Decode[events.StockReserve](sent[1])
		require.NoError(t, err)
		require.Equal(t, []events.Line{{SKU: "tea", Quantity: 3}, {SKU: "kettle", Quantity: 1}}, reserve.Lines)
		require.Equal(t, id, sent[1].Correlation)
		require.WithinRange(t, sent[1].NotAfter, s.clock().Add(15*time.Second), s.clock().Add(time.Hour))

		answer := s.answer(events.StockReserved{Order: id})
		require.Empty(t, s.status(id, "reserved"))
		charge := s.expect("payment.charge")
		require.Equal(t, answer.ID, charge.Cause)
		require.Equal(t, id, charge.Correlation)
		asked, err := events.Decode[events.PaymentCharge](charge)
		require.NoError(t, err)
		require.Equal(t, events.PaymentCharge{Order: id, Customer: "ann", Amount: total}, asked)

		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.status(id, "confirmed")
		sent = s.sent()
		require.Equal(t, "order.confirmed", sent[0].Type)
		require.Equal(t, int64(3), sent[0].Version)
		require.Equal(t, "stock.commit", sent[1].Type)

		s.answer(events.StockCommitted{Order: id})
		s.later(time.Hour)
		told, err := s.orders.PassDeadlines(t.Context())
		require.NoError(t, err)
		require.Zero(t, told, "what has ended has no deadline")
		s.expect()
	})
}

func TestNoGoodsOrNoMoney(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		for reason, want := range map[string]string{"out_of_stock": "out_of_stock", "unknown_product": "unknown_product",
			"too_late": "no_answer", "from a newer inventory": "no_answer"} {
			id := s.place("stock " + reason)
			s.expect("order.placed", "stock.reserve")
			s.answer(events.StockRejected{Order: id, Reason: reason, SKU: "tea"})
			require.Equal(t, want, s.status(id, "cancelled"))
			s.expect("order.cancelled")
		}
		for reason, want := range map[string]string{"declined": "payment_declined", "too_late": "no_answer"} {
			id := s.reserved("money " + reason)
			s.answer(events.PaymentDeclined{Order: id, Reason: reason})
			s.status(id, "reserved") // its goods still are
			s.expect("stock.release")
			s.answer(events.StockReleased{Order: id})
			require.Equal(t, want, s.status(id, "cancelled"))
			cancelled, err := events.Decode[events.OrderCancelled](s.expect("order.cancelled"))
			require.NoError(t, err)
			require.Equal(t, events.OrderCancelled{Order: id, Customer: "ann", Reason: want}, cancelled)
		}
		s.passes(time.Hour)
		s.expect()
	})
}

func TestNoAnswerWhileReserving(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.place("k")
		reserve := s.expect("order.placed", "stock.reserve")
		s.passes(4 * time.Second)
		s.expect()
		for range 2 {
			s.passes(5 * time.Second)
			again := s.expect("stock.reserve")
			require.Equal(t, reserve.ID, again.ID, "the inventory's inbox knows the message by its id")
			require.Equal(t, reserve.Body, again.Body)
		}
		s.passes(5 * time.Second)
		release := s.expect("stock.release")
		require.Equal(t, reserve.ID, release.Cause)
		require.True(t, release.NotAfter.IsZero(), "a release is obeyed whenever it comes")
		s.answer(events.StockReserved{Order: id}) // too late
		s.expect()
		s.answer(events.StockReleased{Order: id})
		require.Equal(t, "no_answer", s.status(id, "cancelled"))
		s.expect("order.cancelled")
		require.Equal(t, 1, s.counted("saga.ignored state releasing input stock.reserved"))
	})
}

func TestNoAnswerWhileCharging(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		voided, captured := s.reserved("k1"), s.reserved("k2")
		s.passes(10 * time.Second)
		s.expect("payment.void", "payment.void")
		s.status(voided, "reserved")

		s.answer(events.PaymentVoided{Order: voided})
		s.expect("stock.release")
		s.answer(events.StockReleased{Order: voided})
		require.Equal(t, "no_answer", s.status(voided, "cancelled"))
		s.expect("order.cancelled")

		s.answer(events.PaymentCaptured{Order: captured, Amount: total})
		s.status(captured, "confirmed")
		s.expect("order.confirmed", "stock.commit")
	})
}

func TestAsksForEverAndTellsSomebody(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.confirmed("k")
		var first string
		for n := range 6 {
			s.passes(5 * time.Minute)
			again := s.expect("stock.commit")
			if n == 0 {
				first = again.ID
			}
			require.Equal(t, first, again.ID)
		}
		require.Equal(t, 4, s.counted("saga.overdue state committing"))
		var list struct {
			Sagas []struct{ Key, State string }
		}
		s.do("GET", "/sagas?overdue=true", call{who: admin}, 200, &list)
		require.Len(t, list.Sagas, 1)
		require.Equal(t, "committing", list.Sagas[0].State)

		s.do("POST", "/sagas/"+list.Sagas[0].Key+"/resume", call{who: admin}, 202, nil)
		require.Equal(t, first, s.expect("stock.commit").ID)
		s.do("GET", "/sagas?overdue=true", call{who: admin}, 200, &list)
		require.Empty(t, list.Sagas)
		s.do("GET", "/sagas", call{who: admin}, 200, &list)
		require.Len(t, list.Sagas, 1)
	})
}

func TestCustomerCancels(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		cancel := func(id, status string) {
			t.Helper()
			var answer struct{ Status string }
			s.do("POST", "/orders/"+id+"/cancel", call{who: ann}, 202, &answer)
			require.Equal(t, status, answer.Status)
		}
		id := s.place("reserving")
		s.expect("order.placed", "stock.reserve")
		cancel(id, "placed")
		s.expect("stock.release")
		cancel(id, "placed") // an impatient one
		s.expect()
		s.answer(events.StockReleased{Order: id})
		require.Equal(t, "customer", s.status(id, "cancelled"))
		s.expect("order.cancelled")
		cancel(id, "cancelled")
		s.expect()

		id = s.reserved("charging")
		cancel(id, "reserved")
		s.expect("payment.void")
		s.answer(events.PaymentVoided{Order: id})
		s.answer(events.StockReleased{Order: id})
		require.Equal(t, "customer", s.status(id, "cancelled"))
		s.expect("stock.release", "order.cancelled")

		id = s.reserved("too late")
		cancel(id, "reserved")
		s.expect("payment.void")
		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.expect("stock.release", "payment.refund")
		s.answer(events.PaymentRefunded{Order: id, Refund: "r-" + id, Amount: total})
		s.answer(events.StockReleased{Order: id})
		require.Equal(t, "customer", s.status(id, "cancelled"))
		s.expect("order.cancelled")

		id = s.confirmed("confirmed")
		cancel(id, "refunding")
		s.expect("payment.refund")
		s.passes(time.Second)
		s.expect()
	})
}

func TestLateCaptureIsPaidBack(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.reserved("k")
		s.answer(events.PaymentDeclined{Order: id, Reason: "declined"})
		s.answer(events.StockReleased{Order: id})
		s.expect("stock.release", "order.cancelled")

		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		refund, err := events.Decode[events.PaymentRefund](s.expect("payment.refund"))
		require.NoError(t, err)
		require.Equal(t, events.PaymentRefund{Order: id, Refund: "r-" + id, Amount: total}, refund)
		s.answer(events.PaymentCaptured{Order: id, Amount: total}) // another copy
		s.expect()
		s.answer(events.PaymentRefunded{Order: id, Refund: "r-" + id, Amount: total})
		s.expect()
		require.Equal(t, "payment_declined", s.status(id, "cancelled"))
		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.expect()
		require.Equal(t, []string{"placed", "reserved", "cancelled", "overcharged", "repaid"}, s.stream(id))
	})
}

func TestRefund(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.confirmed("k")
		s.answer(events.StockCommitted{Order: id})
		ask := func() { s.do("POST", "/orders/"+id+"/refund", call{who: ann}, 202, nil) }
		ask()
		ask()
		refund := s.expect("payment.refund")
		s.status(id, "refunding")

		s.passes(5 * time.Second)
		require.Equal(t, refund.ID, s.expect("payment.refund").ID, "no answer: the same message")
		failed := events.PaymentRefundFailed{Order: id, Refund: "r-" + id, Reason: "provider"}
		s.answer(failed)
		s.expect()
		s.passes(5 * time.Second)
		second := s.expect("payment.refund")
		require.NotEqual(t, refund.ID, second.ID, "it has failed: a new message")

		s.answer(failed)
		s.passes(10 * time.Second)
		s.expect("payment.refund")
		s.answer(failed)
		s.status(id, "refund_stuck")
		s.passes(time.Hour)
		s.expect()
		require.Equal(t, 1, s.counted("saga.overdue state stuck"))

		s.do("POST", "/sagas/"+id+"/resume", call{who: admin}, 202, nil)
		s.status(id, "refunding")
		s.expect("payment.refund")
		s.answer(events.PaymentRefunded{Order: id, Refund: "r-" + id, Amount: total})
		s.status(id, "refunded")
		sent := s.sent()
		require.Equal(t, "order.refunded", sent[0].Type)
		require.Equal(t, "stock.return", sent[1].Type)
		s.answer(events.StockReturned{Order: id, Refund: "r-" + id})
		s.passes(time.Hour)
		s.expect()
		ask()
		s.expect()
		s.do("POST", "/sagas/"+id+"/resume", call{who: admin}, 409, nil)
		require.Equal(t, []string{"placed", "reserved", "confirmed", "refund_asked", "refund_stuck", "refund_resumed", "refunded"},
			s.stream(id))
	})
}

// Of every answer another copy comes, with another id: the inbox doesn't know it, the saga does.
func TestAnswersAgain(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.reserved("k")
		s.deliver(s.answer(events.StockReserved{Order: id}))
		s.expect()
		captured := s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.expect("order.confirmed", "stock.commit")
		s.deliver(captured)
		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.answer(events.PaymentVoided{Order: id})
		s.answer(events.StockReleased{Order: id})
		s.status(id, "confirmed")
		s.expect()
		require.Equal(t, 4, s.counted("saga.ignored"))

		s.answer(events.StockReserved{Order: "nobody-knows"})
		s.expect()
	})
}

// While RabbitMQ is away nobody can answer. Orders wait for it, and go on.
func TestDeadlinesWaitForTheBroker(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.reserved("k")
		s.setAway(errAway)
		for range 20 {
			s.passes(11 * time.Second)
		}
		s.expect()
		s.setAway(nil)
		s.answer(events.PaymentCaptured{Order: id, Amount: total})
		s.status(id, "confirmed")
		s.expect("order.confirmed", "stock.commit")
	})
}

func (s *shop) setAway(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

// stream returns what has happened to an order.
func (s *shop) stream(id string) (types []string) {
	s.t.Helper()
	var list struct {
		Events []struct {
			Version int
			Type    string
		}
	}
	s.do("GET", "/orders/"+id+"/events", call{who: ann}, 200, &list)
	for n, e := range list.Events {
		require.Equal(s.t, n+1, e.Version)
		types = append(types, e.Type)
	}
	return types
}

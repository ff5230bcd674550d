package shipping_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/money"
	"warren.example/06-services/service/servicetest"
	"warren.example/06-services/services/shipping"
	"warren.example/06-services/store/storetest"
)

var settings = config.Config{Parcel: 10 * time.Millisecond}

var (
	none      = events.About{}
	confirmed = events.OrderConfirmed{Order: "o-1", Customer: "u-1", Total: money.Of(100, "EUR"),
		Items: []events.Item{{SKU: "cup", Quantity: 1, Price: money.Of(100, "EUR")}}}
	refunded = events.OrderRefunded{Order: "o-1", Customer: "u-1", Refund: "r-1", Amount: money.Of(100, "EUR")}
	canceled = events.OrderCancelled{Order: "o-1", Customer: "u-1", Reason: "customer"}
)

func each(t *testing.T, test func(t *testing.T, s *servicetest.Stage)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		test(t, servicetest.New(t, shipping.Definition, open, settings))
	})
}

func status(t *testing.T, s *servicetest.Stage, order string) string {
	t.Helper()
	var p shipping.Parcel
	if code := s.Ask(t, "GET", "/parcels/"+order, "", "", &p); code != http.StatusOK {
		require.Equal(t, http.StatusNotFound, code)
		return ""
	}
	return p.Status
}

func TestUnderstandsWhatOthersSend(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		eventstest.Receives(t, s.Events, shipping.Definition.Hears...)
		eventstest.Receives(t, s.Commands, eventstest.Commands("shipping")...)
	})
}

func TestParcelGoesItsWay(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		s.RunJobs(t)
		require.Empty(t, status(t, s, "o-1"), "nobody knows it")

		m := s.Say(t, confirmed, none)
		s.Hear(t, m, m, s.Say(t, confirmed, none)) // the same again, and the same news under a new id
		require.Equal(t, "waiting", status(t, s, "o-1"))
		picks := s.Sent(t)
		require.Len(t, picks, 1)
		require.Equal(t, "parcel.pick", picks[0].Type)
		require.JSONEq(t, `{"order":"o-1","lines":[{"sku":"cup","quantity":1}]}`, string(picks[0].Body))
		require.Equal(t, m.ID, picks[0].Cause)

		s.Hear(t, picks[0], picks[0])
		require.Equal(t, "picking", status(t, s, "o-1"))
		for n, want := range []string{"packed", "sent", "delivered"} {
			require.Empty(t, s.Sent(t), "before its time")
			s.Pass(settings.Parcel)
			moves := s.Await(t)
			require.Len(t, moves, 1)
			p, err := events.Decode[events.ParcelMoved](moves[0])
			require.NoError(t, err)
			require.Equal(t, events.ParcelMoved{Order: "o-1", Number: n + 1, Status: want}, p)
			s.Hear(t, moves[0], moves[0])
			require.Equal(t, want, status(t, s, "o-1"))
		}
		s.Hear(t, s.Say(t, refunded, none))
		require.Equal(t, "delivered", status(t, s, "o-1"), "too late to stop it")
	})
}

func TestHasteHasAQueueOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		urgent := confirmed
		urgent.Priority = true
		s.Hear(t, s.Say(t, urgent, none))
		sent := s.Sent(t)
		require.Len(t, sent, 1)
		require.Equal(t, "parcel.pick-first", sent[0].Type)
		s.Hear(t, sent...)
		require.Equal(t, "picking", status(t, s, "o-1"))
	})
}

func TestRecalledParcelIsStopped(t *testing.T) {
	for name, recall := range map[string]events.Payload{"refunded": refunded, "cancelled": canceled} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *servicetest.Stage) {
				s.RunJobs(t)
				s.Hear(t, s.Say(t, confirmed, none), s.Say(t, recall, none))
				s.Hear(t, s.Sent(t)...) // the pick comes all the same
				require.Equal(t, "stopped", status(t, s, "o-1"))

				// Recalled before it was confirmed.
				late := confirmed
				late.Order = "o-2"
				s.Hear(t, s.Say(t, events.OrderCancelled{Order: "o-2", Customer: "u-1", Reason: "customer"}, none), s.Say(t, late, none))
				require.Equal(t, "stopped", status(t, s, "o-2"))
				require.Empty(t, s.Sent(t))

				// Stopped while it was being packed. Another one is packed meanwhile.
				third, fourth := confirmed, confirmed
				third.Order, fourth.Order = "o-3", "o-4"
				s.Hear(t, s.Say(t, third, none), s.Say(t, fourth, none))
				s.Hear(t, s.Sent(t)...)
				s.Hear(t, s.Say(t, events.OrderCancelled{Order: "o-3", Customer: "u-1", Reason: "customer"}, none))
				s.Pass(settings.Parcel)
				s.Hear(t, s.Await(t)...)
				require.Equal(t, "packed", status(t, s, "o-4"))
				require.Equal(t, "stopped", status(t, s, "o-3"))
			})
		})
	}
}

func TestMovesInAnyOrder(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		moved := func(n int, status string) events.Message {
			return s.Say(t, events.ParcelMoved{Order: "o-1", Number: n, Status: status}, none)
		}
		s.Hear(t, moved(3, "delivered"))
		require.Empty(t, status(t, s, "o-1"))
		s.Hear(t, s.Say(t, confirmed, none))
		require.Equal(t, "waiting", status(t, s, "o-1"))
		s.Hear(t, moved(1, "packed"), moved(1, "packed"))
		require.Equal(t, "packed", status(t, s, "o-1"))
		s.Hear(t, moved(2, "sent"))
		require.Equal(t, "delivered", status(t, s, "o-1"))
	})
}

// Two instances move the same parcels at once: each step is made once.
func TestTwoInstancesMakeEachStepOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		one := servicetest.New(t, shipping.Definition, open, settings)
		other := servicetest.New(t, shipping.Definition, open, settings)
		const parcels = 20
		for n := range parcels {
			next := confirmed
			next.Order = string(rune('a' + n))
			one.Hear(t, one.Say(t, next, none))
		}
		picks := slices.Concat(one.Sent(t), other.Sent(t))
		require.Len(t, picks, parcels)
		one.Hear(t, picks...)
		one.RunJobs(t)
		other.RunJobs(t)
		seen, deadline := map[events.ParcelMoved]bool{}, time.Now().Add(time.Minute)
		for len(seen) < 3*parcels {
			one.Pass(settings.Parcel)
			other.Pass(settings.Parcel)
			for _, m := range slices.Concat(one.Sent(t), other.Sent(t)) {
				p, err := events.Decode[events.ParcelMoved](m)
				require.NoError(t, err)
				require.NotContains(t, seen, p)
				seen[p] = true
			}
			require.True(t, time.Now().Before(deadline), "%d of %d steps", len(seen), 3*parcels)
		}
	})
}

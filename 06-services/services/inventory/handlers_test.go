package inventory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
)

func lines(pairs ...any) (ls []events.Line) {
	for i := 0; i < len(pairs); i += 2 {
		ls = append(ls, events.Line{SKU: pairs[i].(string), Quantity: pairs[i+1].(int)})
	}
	return ls
}

func TestAnOrderGetsAllItsGoodsAndEverybodyHearsOfIt(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		s.supply(t, "tea", 3)
		m := s.message(t, events.StockReserve{Order: "o", Lines: lines("tea", 3, "cup", 2)}, events.About{Correlation: "o"})
		sent := s.do(t, m)
		require.Len(t, sent, 3)
		require.Equal(t, events.StockLevel{SKU: "cup", Available: 3}, decode[events.StockLevel](t, sent[0]))
		require.Equal(t, int64(2), sent[0].Version, "the second that is known of it")
		require.Equal(t, events.StockLevel{SKU: "tea", Available: 0}, decode[events.StockLevel](t, sent[1]))
		require.Equal(t, events.StockReserved{Order: "o"}, decode[events.StockReserved](t, sent[2]))
		require.Equal(t, "o", sent[2].Correlation)
		require.Equal(t, "inventory", sent[2].Service)
		require.Equal(t, counts{available: 3, reserved: 2}, s.counts(t, "cup"))

		again := s.do(t, m) // the same message
		require.Len(t, again, 1)
		require.Equal(t, sent[2].Body, again[0].Body)
		require.NotEqual(t, sent[2].ID, again[0].ID)

		require.Equal(t, "stock.reserved", s.ask(t, events.StockReserve{Order: "o", Lines: lines("cup", 1)}).Type, "a new message")
		require.Equal(t, counts{available: 3, reserved: 2}, s.counts(t, "cup"))
	})
}

func TestAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		s.supply(t, "tea", 3)
		m := s.message(t, events.StockReserve{Order: "o", Lines: lines("tea", 4, "cup", 2)}, events.About{})
		want := events.StockRejected{Order: "o", Reason: "out_of_stock", SKU: "tea", Wanted: 4, Available: 3}
		sent := s.do(t, m)
		require.Len(t, sent, 1, "nobody hears of what never was")
		require.Equal(t, want, decode[events.StockRejected](t, sent[0]))
		require.Equal(t, counts{available: 5}, s.counts(t, "cup"))

		_, err := s.db.Exec("UPDATE stock SET available = 9, supplied = 9 WHERE sku = 'tea'")
		require.NoError(t, err)
		require.Equal(t, want, decode[events.StockRejected](t, s.do(t, m)[0]), "it stays with that")
		require.Equal(t, want, decode[events.StockRejected](t, s.ask(t, events.StockReserve{Order: "o", Lines: lines("tea", 4)})))

		got := s.ask(t, events.StockReserve{Order: "p", Lines: lines("cup", 1, "unknown", 1)})
		require.Equal(t, events.StockRejected{Order: "p", Reason: "unknown_product", SKU: "unknown", Wanted: 1},
			decode[events.StockRejected](t, got))
		require.Equal(t, counts{available: 5}, s.counts(t, "cup"))
	})
}

func TestWhatBecomesOfReservedGoods(t *testing.T) {
	var (
		reserve = events.StockReserve{Order: "o", Lines: lines("cup", 2)}
		release = events.StockRelease{Order: "o"}
		commit  = events.StockCommit{Order: "o"}
		back    = events.StockReturn{Order: "o", Refund: "r"}
	)
	for name, c := range map[string]struct {
		commands []events.Payload
		answers  []string
		want     counts
	}{
		"sold":      {[]events.Payload{reserve, commit}, []string{"reserved", "committed"}, counts{3, 0, 2}},
		"released":  {[]events.Payload{reserve, release, release}, []string{"reserved", "released", "released"}, counts{5, 0, 0}},
		"tombstone": {[]events.Payload{release, reserve}, []string{"released", "rejected"}, counts{5, 0, 0}},
		"came back": {[]events.Payload{reserve, commit, back, back}, []string{"reserved", "committed", "returned", "returned"},
			counts{5, 0, 0}},
		"came back before it left": {[]events.Payload{reserve, back, commit}, []string{"reserved", "returned", "committed"},
			counts{5, 0, 0}},
		"reserved late": {[]events.Payload{reserve, commit, reserve}, []string{"reserved", "committed", "reserved"},
			counts{3, 0, 2}},
		"returned, never reserved": {[]events.Payload{release, back}, []string{"released", "returned"}, counts{5, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *shop) {
				s.supply(t, "cup", 5)
				for i, p := range c.commands {
					require.Equal(t, "stock."+c.answers[i], s.ask(t, p).Type)
				}
				require.Equal(t, c.want, s.counts(t, "cup"))
			})
		})
	}
}

func TestALateReserveIsRejectedAsReleased(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		s.ask(t, events.StockRelease{Order: "o"})
		got := s.ask(t, events.StockReserve{Order: "o", Lines: lines("cup", 1)})
		require.Equal(t, events.StockRejected{Order: "o", Reason: "released"}, decode[events.StockRejected](t, got))
	})
}

func TestTheReturnNamesTheRefundThatItIsAskedFor(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		s.ask(t, events.StockReserve{Order: "o", Lines: lines("cup", 1)})
		got := s.ask(t, events.StockReturn{Order: "o", Refund: "r"})
		require.Equal(t, events.StockReturned{Order: "o", Refund: "r"}, decode[events.StockReturned](t, got))
	})
}

func TestNotAfter(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		reserve := func(order string, until time.Duration) events.Message {
			return s.message(t, events.StockReserve{Order: order, Lines: lines("cup", 1)}, events.About{NotAfter: s.now().Add(until)})
		}
		require.Equal(t, "stock.reserved", s.do(t, reserve("in time", 0))[1].Type)
		late := s.do(t, reserve("late", -time.Millisecond))
		require.Equal(t, events.StockRejected{Order: "late", Reason: "too_late"}, decode[events.StockRejected](t, late[0]))
		require.Equal(t, "stock.reserved", s.do(t, reserve("in time", -time.Hour))[0].Type, "it was reserved before")
		require.Equal(t, counts{available: 4, reserved: 1}, s.counts(t, "cup"))

		old := events.About{NotAfter: s.now().Add(-time.Hour)}
		require.Equal(t, "stock.released", s.do(t, s.message(t, events.StockRelease{Order: "in time"}, old))[1].Type)
	})
}

func TestWhatCanNotBeIsNotDone(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		for name, p := range map[string]events.Payload{
			"no lines":    events.StockReserve{Order: "o"},
			"zero":        events.StockReserve{Order: "o", Lines: lines("cup", 0)},
			"less":        events.StockReserve{Order: "o", Lines: lines("cup", -1)},
			"twice":       events.StockReserve{Order: "o", Lines: lines("cup", 1, "tea", 1, "cup", 1)},
			"no sku":      events.StockReserve{Order: "o", Lines: lines("", 1)},
			"no order":    events.StockReserve{Lines: lines("cup", 1)},
			"zero byte":   events.StockReserve{Order: "o", Lines: lines("c\x00p", 1)},
			"no order, 2": events.StockRelease{},
		} {
			m := s.message(t, p, events.About{})
			require.ErrorIs(t, s.inbox.Handle(t.Context(), []events.Message{m})[0], events.ErrMalformed, name)
		}
		commit := s.message(t, events.StockCommit{Order: "unheard of"}, events.About{})
		err := s.inbox.Handle(t.Context(), []events.Message{commit})[0]
		require.ErrorContains(t, err, "never asks")
		require.NotErrorIs(t, err, events.ErrMalformed)
		require.Equal(t, counts{available: 5}, s.counts(t, "cup"))
		var rows int
		require.NoError(t, s.db.QueryRow("SELECT COUNT(*) FROM reservations").Scan(&rows))
		require.Zero(t, rows)
	})
}

func TestABadMessageOfAGroupHoldsUpNoOther(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 5)
		good := s.message(t, events.StockReserve{Order: "o", Lines: lines("cup", 2)}, events.About{})
		bad := s.message(t, events.StockCommit{Order: "unheard of"}, events.About{})
		short := s.message(t, events.StockReserve{Order: "p", Lines: lines("cup", 4)}, events.About{})
		errs := s.inbox.Handle(t.Context(), []events.Message{good, bad, short})
		require.NoError(t, errs[0])
		require.Error(t, errs[1])
		require.NoError(t, errs[2])
		require.Equal(t, counts{available: 3, reserved: 2}, s.counts(t, "cup"))
	})
}

// Many programs at once, with orders that want several products: 10 of 50 get what there is of "cup".
func TestNothingIsSoldTwice(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 10)
		s.supply(t, "tea", 30)
		var wg sync.WaitGroup
		errs := make(chan error, 50)
		for i := range 50 {
			ls := lines("cup", 1, "tea", 1)
			if i%2 == 0 {
				ls = lines("tea", 1, "cup", 1)
			}
			m := s.message(t, events.StockReserve{Order: fmt.Sprint("o", i), Lines: ls}, events.About{})
			box := outbox.New(s.db, "inventory", s.now)
			wg.Go(func() {
				errs <- inbox.New(s.db, box, s.now, s.Commands).Handle(context.Background(), []events.Message{m})[0]
			})
		}
		wg.Wait()
		for range 50 {
			require.NoError(t, <-errs)
		}
		require.Equal(t, counts{reserved: 10}, s.counts(t, "cup"))
		require.Equal(t, counts{available: 20, reserved: 10}, s.counts(t, "tea"))
		var got int
		require.NoError(t, s.db.QueryRow("SELECT COUNT(*) FROM reservations WHERE state = 'reserved'").Scan(&got))
		require.Equal(t, 10, got)
	})
}

// The same order asked for and given up at the same time, by different messages.
func TestReserveAndReleaseAtTheSameTime(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.supply(t, "cup", 100)
		for i := range 20 {
			order := fmt.Sprint("o", i)
			var wg sync.WaitGroup
			errs := make(chan error, 3)
			for _, p := range []events.Payload{
				events.StockReserve{Order: order, Lines: lines("cup", 1)}, events.StockRelease{Order: order},
				events.StockReserve{Order: order, Lines: lines("cup", 1)},
			} {
				m := s.message(t, p, events.About{})
				wg.Go(func() { errs <- s.inbox.Handle(context.Background(), []events.Message{m})[0] })
			}
			wg.Wait()
			for range 3 {
				require.NoError(t, <-errs)
			}
			require.Equal(t, counts{available: 100}, s.counts(t, "cup"), "whoever was first, it is released")
		}
	})
}

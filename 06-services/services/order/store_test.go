package order_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/infrastructure"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
	"warren.example/06-services/store"
)

func TestViewFollowsFromTheEvents(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		s.confirmed("k1")
		id := s.place("k2")
		s.answer(events.StockRejected{Order: id, Reason: "out_of_stock"})
		s.place("k3")
		list := func() []application.Line {
			lines, err := infrastructure.Store{}.List(t.Context(), s.db, "ann", "", 100)
			require.NoError(t, err)
			return lines
		}
		before := list()
		require.Len(t, before, 3)
		_, err := s.db.ExecContext(t.Context(), "UPDATE orders_view SET status = 'wrong', reason = 'wrong', minor = 1, at = 1")
		require.NoError(t, err)
		err = s.db.Do(t.Context(), func(tx store.Querier) error {
			n, err := infrastructure.Store{}.Rebuild(t.Context(), tx)
			require.Equal(t, 3, n)
			return err
		})
		require.NoError(t, err)
		require.Equal(t, before, list())
	})
}

// Two have read the same version: the second one to write is told.
func TestConflicts(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		id := s.place("k")
		db, rows := s.db, infrastructure.Store{}
		o := order.Order{ID: id, Customer: "ann", Status: order.Cancelled, Version: 2}
		second := application.Fact{Version: 2, At: s.clock(), Event: order.WasReserved{}}
		require.NoError(t, rows.Append(t.Context(), db, o, []application.Fact{second}))
		second.Event = order.WasCancelled{Reason: "customer"}
		require.ErrorIs(t, rows.Append(t.Context(), db, o, []application.Fact{second}), application.ErrConflict)
		facts, err := rows.Events(t.Context(), db, id)
		require.NoError(t, err)
		require.Len(t, facts, 2)
		require.Equal(t, order.WasReserved{}, facts[1].Event)

		row, ok, err := rows.Saga(t.Context(), db, id)
		require.NoError(t, err)
		require.True(t, ok)
		later := row
		later.State, later.Deadline = saga.Dropped, time.Time{}
		require.NoError(t, rows.Save(t.Context(), db, later))
		require.ErrorIs(t, rows.Save(t.Context(), db, row), application.ErrConflict)
		row.Version = 0
		require.ErrorIs(t, rows.Save(t.Context(), db, row), application.ErrConflict, "there is one of this key")
		got, _, err := rows.Saga(t.Context(), db, id)
		require.NoError(t, err)
		later.Version++
		require.Equal(t, later, got)
		due, err := rows.Due(t.Context(), db, s.clock().Add(time.Hour), 10)
		require.NoError(t, err)
		require.Empty(t, due, "no deadline")
	})
}

// Three instances let the same deadlines pass while the answers come in: each saga goes one way.
func TestDeadlinesOfSeveralInstances(t *testing.T) {
	each(t, func(t *testing.T, s *shop) {
		const orders = 12
		var ids []string
		for n := range orders {
			ids = append(ids, s.reserved(fmt.Sprint(n)))
		}
		s.later(11 * time.Second)
		start := make(chan struct{})
		failed := make(chan error, 100)
		var all sync.WaitGroup
		for range 3 {
			env := s.env()
			instance := s.instance(env)
			all.Go(func() {
				<-start
				_, err := instance.PassDeadlines(t.Context())
				failed <- err
			})
		}
		env := s.env()
		box := inbox.New(env.DB, env.Box, s.clock, s.instance(env).Handlers())
		all.Go(func() {
			<-start
			for _, id := range ids[:orders/2] {
				failed <- deliver(t.Context(), box, events.PaymentCaptured{Order: id, Amount: total})
			}
		})
		close(start)
		all.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}

		sent := map[string]int{}
		for _, m := range s.sent() {
			sent[m.Correlation+" "+m.Type]++
		}
		for n, id := range ids {
			require.LessOrEqual(t, sent[id+" payment.void"], 1, "asked once")
			if n < orders/2 {
				require.Equal(t, 1, sent[id+" stock.commit"])
				s.status(id, "confirmed")
			} else {
				require.Equal(t, 1, sent[id+" payment.void"])
				s.status(id, "reserved")
			}
		}
	})
}

// deliver lets a message come in until it is done, as the bus does: who was slower than a deadline is told so, and comes again.
func deliver(ctx context.Context, box *inbox.Inbox, p events.Payload) error {
	m, err := events.New(p, events.About{Now: time.UnixMilli(0)})
	if err != nil {
		return err
	}
	for {
		if err = box.Handle(ctx, []events.Message{m})[0]; !errors.Is(err, application.ErrConflict) {
			return err
		}
	}
}

// The job itself, with the clock that it has.
func TestDeadlinesJob(t *testing.T) {
	s := open(t, sqlite)
	s.place("k")
	s.expect("order.placed", "stock.reserve")
	require.Equal(t, "deadlines", s.service.Jobs[0].Name)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.service.Jobs[0].Run(ctx) }()
	s.later(5 * time.Second)
	require.Eventually(t, func() bool {
		n, err := s.box.Pending(t.Context())
		return err == nil && n == 1
	}, 20*time.Second, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-ended, "the end of ctx is no error")
	s.expect("stock.reserve")
}

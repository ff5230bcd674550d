package bench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	system "warren.example/06-services"
	"warren.example/06-services/bus"
	"warren.example/06-services/events"
)

// An order with all that it has led to.
type order struct {
	id, key    string
	messages   []events.Message // that were sent because of it
	deliveries int              // of these messages to services
}

// topology is that of the shop. queues are those that are consumed.
func topology(b testing.TB) (all []bus.Topology, queues map[string]bool) {
	all, queues = []bus.Topology{bus.Shared()}, map[string]bool{}
	for _, d := range system.Services() {
		q := bus.Queues{Service: d.Name, Hears: d.Hears, Broadcasts: d.Broadcasts}
		t, err := q.Topology()
		require.NoError(b, err)
		all = append(all, t)
		for _, name := range q.Names() {
			queues[name] = true
		}
	}
	return all, queues
}

// deliveries returns how many services get a message, by its type.
func deliveries(b testing.TB) map[string]int {
	n := map[string]int{}
	all, queues := topology(b)
	for _, d := range events.All() {
		for _, t := range all {
			for _, binding := range t.Bindings {
				if queues[binding.Queue] && binding.Exchange == d.Exchange() && binding.Key == d.Key() {
					n[d.Name]++
				}
			}
		}
	}
	return n
}

// settle waits until everything that was sent since the watch began to record is handled, and what else is asked for.
func (s *running) settle(b testing.TB, also func() bool) {
	w := s.watch
	settled := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		n := 0
		for _, m := range w.sent {
			n += s.deliveries[m.Type]
		}
		return n == len(w.heard) && also()
	}
	deadline, ticker := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer ticker.Stop()
	for !settled() {
		select {
		case <-ticker.C:
		case <-deadline:
			require.FailNow(b, "not all messages were handled")
		}
	}
}

// recordOne places an order and returns it when its parcel is delivered and every message that it has led to is handled. From
// then on the watch records no more.
func (s *running) recordOne(b testing.TB) order {
	one := order{key: "the first order"}
	var err error
	one.id, err = s.place(b.Context(), 0, one.key)
	require.NoError(b, err)
	s.settle(b, func() bool {
		one.messages, one.deliveries = nil, 0
		caused, delivered := map[string]bool{}, false
		for _, m := range s.watch.sent {
			if m.Correlation == one.id || caused[m.Cause] {
				caused[m.ID] = true
				one.messages = append(one.messages, m)
				one.deliveries += s.deliveries[m.Type]
				delivered = delivered || m.Type == (events.ParcelMoved{}).Name() && m.Version == 3
			}
		}
		return delivered
	})
	s.watch.forget()
	return one
}

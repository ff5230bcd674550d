package vhost_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// confirmed works out which messages the acks confirm.
func confirmed(t *testing.T, said []string, last uint64) []uint64 {
	t.Helper()
	done := make(map[uint64]bool)
	var order []uint64
	for _, line := range said {
		var n uint64
		_, err := fmt.Sscanf(line, "ack %d", &n)
		require.NoError(t, err, line)
		for k := uint64(1); k <= last; k++ {
			if !done[k] && (k == n || k < n && strings.HasSuffix(line, "and all before")) {
				done[k] = true
				order = append(order, k)
			}
		}
	}
	return order
}

func TestAHostileBrokerConfirmsAllInAnyOrder(t *testing.T) {
	mixed, together := false, false
	for seed := int64(1); seed <= 20; seed++ {
		s := newStage(t, version.V40, func(c *vhost.Config) { c.Hostility = seed })
		a := s.actor()
		a.does(&wire.ConfirmSelect{}, durable("q"))
		a.told()
		for i := range 20 {
			a.publishes("", "q", fmt.Sprint(i))
			if i%7 == 0 {
				s.clock.Advance(time.Millisecond)
			}
		}
		s.clock.Advance(time.Second)
		order := confirmed(t, a.said, 20)
		mixed = mixed || !slices.IsSorted(order)
		together = together || strings.Contains(strings.Join(a.said, " "), "and all before")
		slices.Sort(order)
		require.Len(t, slices.Compact(order), 20)
		require.Zero(t, s.Snapshot().Channels[0].Unconfirmed)
	}
	require.True(t, mixed, "some come out of order")
	require.True(t, together, "some come together")
}

func TestAHostileBrokerDeliversWhileAConsumerIsCancelled(t *testing.T) {
	late := false
	for seed := int64(1); seed <= 20; seed++ {
		s := newStage(t, version.V40, func(c *vhost.Config) { c.Hostility = seed })
		a := s.actor()
		a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
		a.publishes("", "q", "1", "2", "3")
		before := strings.Count(a.heard(), "deliver")
		a.does(&wire.BasicCancel{ConsumerTag: "c"})
		require.Equal(t, []uint64{1, 2, 3}, a.tags, "all of them, in order, before cancel-ok")
		require.Equal(t, `basic.cancel-ok consumer="c"`, a.said[len(a.said)-1])
		late = late || before < 3
	}
	require.True(t, late)
}

func TestAHostileBrokerForgetsWhatItHoldsBackForAClosedChannel(t *testing.T) {
	s := newStage(t, version.V40, func(c *vhost.Config) { c.Hostility = 4 })
	for range 20 {
		a := s.actor()
		a.does(&wire.ConfirmSelect{}, durable("q"), &wire.BasicConsume{Queue: "q"})
		a.publishes("", "q", "1")
		a.Close()
		a.told()
		s.clock.Advance(time.Second)
		require.Empty(t, a.told())
	}
	require.Equal(t, 20, s.depth("q"))
}

func TestAHostileBrokerHoldsOnlySomeBack(t *testing.T) {
	const messages = 1000
	s := newStage(t, version.V40, func(c *vhost.Config) { c.Hostility = 4 })
	a := s.actor()
	a.does(durable("q"))
	for i := range messages {
		a.publishes("", "q", fmt.Sprint(i))
	}
	a.does(&wire.BasicConsume{Queue: "q", NoAck: true})
	require.Greater(t, s.Snapshot().Queues[0].Ready, messages/2, "what is held back fills no memory")
	s.clock.Advance(time.Minute)
	require.Len(t, a.tags, messages)
}

package vhost_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// worker hands the tags of what it gets to a goroutine of its own.
type worker struct {
	tags chan uint64
	got  func()
}

func (w *worker) Send(m wire.Method, _ *message.Message) {
	if d, ok := m.(*wire.BasicDeliver); ok {
		w.tags <- d.DeliveryTag
		w.got()
	}
}

func (w *worker) HasRoom() bool { return true }

func TestManyClientsAtOnce(t *testing.T) {
	const clients, messages = 8, 200
	s := newStage(t, version.V40)
	s.actor().does(durable("q"), durable("busy", "x-message-ttl", wire.Int32(5)))
	var count atomic.Int64
	done := make(chan struct{})
	got := func() {
		if count.Add(1) == clients*messages {
			close(done)
		}
	}
	var everybody sync.WaitGroup
	for i := range clients {
		w := &worker{tags: make(chan uint64, clients*messages), got: got}
		conn := s.Connect(vhost.ConnInfo{Name: fmt.Sprint(i)})
		in, out := conn.OpenChannel(1, w, nil), conn.OpenChannel(2, &sink{}, nil)
		require.Nil(t, in.Handle(&wire.BasicQos{PrefetchCount: 5}))
		require.Nil(t, in.Handle(&wire.BasicConsume{Queue: "q"}))
		everybody.Go(func() { acknowledge(t, in, w.tags, done) })
		everybody.Go(func() {
			for range messages {
				for _, queue := range []string{"q", "busy"} {
					if err := out.Publish(&wire.BasicPublish{RoutingKey: queue}, &wire.ContentHeader{}, nil); err != nil {
						t.Error(err)
					}
				}
				s.Snapshot()
				conn.Resume()
			}
		})
	}
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		default:
			s.clock.Advance(time.Millisecond)
		}
	}
	everybody.Wait()
}

// acknowledge answers deliveries until all messages are delivered.
func acknowledge(t *testing.T, ch *vhost.Channel, tags <-chan uint64, done <-chan struct{}) {
	for {
		select {
		case tag := <-tags:
			if err := ch.Handle(&wire.BasicAck{DeliveryTag: tag}); err != nil {
				t.Error(err)
			}
		case <-done:
			return
		}
	}
}

package vhost

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// mute is an outbox that says nothing.
type mute struct{}

func (mute) Send(wire.Method, *message.Message) {}
func (mute) HasRoom() bool                      { return true }

// Consumers that come and go while the channel's limit is reached leave nothing behind.
func TestAChannelForgetsConsumersThatWereNotReady(t *testing.T) {
	c := clock.New()
	t.Cleanup(c.Close)
	h := New(Config{Name: "/", Version: version.V40, Clock: c})
	ch := h.Connect(ConnInfo{}).OpenChannel(1, mute{}, nil)
	do := func(m wire.Method) { require.Nil(t, ch.Handle(m)) }
	do(&wire.QueueDeclare{Queue: "q", Durable: true})
	do(&wire.BasicQos{PrefetchCount: 1, Global: true})
	do(&wire.BasicConsume{Queue: "q", ConsumerTag: "first"})
	for range 2 {
		require.Nil(t, ch.Publish(&wire.BasicPublish{RoutingKey: "q"}, &wire.ContentHeader{}, nil))
	}
	for range 10 {
		do(&wire.BasicConsume{Queue: "q", ConsumerTag: "next"})
		do(&wire.BasicCancel{ConsumerTag: "next"})
	}
	require.LessOrEqual(t, len(ch.refused), 1)
}

package vhost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// RabbitMQ 3.10 believes a client that says the message was rejected once, and then sees no end to it. That must not hang the
// host.
func TestAMessageThatDiesForEverHangsNobody(t *testing.T) {
	s := newStage(t, version.V310)
	a := s.actor()
	a.does(
		durable("a", "x-message-ttl", wire.Int32(0), "x-dead-letter-exchange", wire.String(""), "x-dead-letter-routing-key", wire.String("b")),
		durable("b", "x-message-ttl", wire.Int32(0), "x-dead-letter-exchange", wire.String(""), "x-dead-letter-routing-key", wire.String("a")),
		durable("c"),
	)
	a.told()
	lie := wire.Table{{Name: "reason", Value: wire.String("rejected")}, {Name: "queue", Value: wire.String("elsewhere")}}
	a.publish(&wire.BasicPublish{RoutingKey: "a"}, wire.Properties{Headers: wire.Table{{Name: "x-death", Value: wire.Array{lie}}}}, "round and round")
	a.publishes("", "c", "x")
	s.clock.Advance(10 * 365 * 24 * time.Hour)
	require.Equal(t, "x", string(s.actor().take("c").Body))
}

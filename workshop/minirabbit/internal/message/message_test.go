package message_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

func TestOnlyDeliveryModeTwoIsPersistent(t *testing.T) {
	require.False(t, (&message.Message{}).Persistent())
	require.False(t, (&message.Message{Properties: wire.Properties{DeliveryMode: wire.Some[uint8](1)}}).Persistent())
	require.True(t, (&message.Message{Properties: wire.Properties{DeliveryMode: wire.Some[uint8](2)}}).Persistent())
}

func TestAChangeIsANewMessage(t *testing.T) {
	first := &message.Message{
		Exchange: "orders", RoutingKey: "new", Body: []byte("tea"),
		Properties: wire.Properties{
			Expiration: wire.Some("100"),
			Headers:    wire.Table{{Name: "a", Value: wire.Int32(1)}, {Name: "b", Value: wire.Int32(2)}},
		},
	}

	second := first.WithHeader("a", wire.Int64(7)).WithHeader("c", wire.Bool(true)).WithoutHeader("b").
		WithoutExpiration().RoutedTo("dead", "old")

	require.Equal(t, wire.Table{{Name: "a", Value: wire.Int64(7)}, {Name: "c", Value: wire.Bool(true)}}, second.Properties.Headers)
	require.Nil(t, second.Properties.Expiration)
	require.Equal(t, "dead/old", second.Exchange+"/"+second.RoutingKey)
	require.Equal(t, 3, second.Size())

	require.Equal(t, wire.Table{{Name: "a", Value: wire.Int32(1)}, {Name: "b", Value: wire.Int32(2)}}, first.Properties.Headers)
	require.Equal(t, "100", *first.Properties.Expiration)
	require.Equal(t, "orders/new", first.Exchange+"/"+first.RoutingKey)
}

func TestNothingToTakeAwayKeepsTheMessage(t *testing.T) {
	m := &message.Message{}
	require.Same(t, m, m.WithoutHeader("a").WithoutExpiration())
}

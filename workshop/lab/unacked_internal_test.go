package lab

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

func TestABookKnowsWhatAChannelStillHasToAnswer(t *testing.T) {
	t.Parallel()
	deliver := func(consumer string, tag uint64) wire.Method {
		return &wire.BasicDeliver{ConsumerTag: consumer, DeliveryTag: tag}
	}
	consume := []wire.Method{
		&wire.BasicConsume{Queue: "orders", ConsumerTag: "a"},
		&wire.BasicConsumeOk{ConsumerTag: "a"},
		deliver("a", 1), deliver("a", 2), deliver("a", 3),
	}
	for name, c := range map[string]struct {
		then []wire.Method
		want int
	}{
		"nothing answered":   {nil, 3},
		"ack":                {[]wire.Method{&wire.BasicAck{DeliveryTag: 2}}, 2},
		"ack of many":        {[]wire.Method{&wire.BasicAck{DeliveryTag: 2, Multiple: true}}, 1},
		"ack of all":         {[]wire.Method{&wire.BasicAck{Multiple: true}}, 0},
		"nack":               {[]wire.Method{&wire.BasicNack{DeliveryTag: 1}}, 2},
		"reject":             {[]wire.Method{&wire.BasicReject{DeliveryTag: 3}}, 2},
		"an unknown tag":     {[]wire.Method{&wire.BasicAck{DeliveryTag: 9}}, 3},
		"recover":            {[]wire.Method{&wire.BasicRecover{Requeue: true}}, 0},
		"consumer cancelled": {[]wire.Method{&wire.BasicCancel{ConsumerTag: "a"}}, 3},
		"named by the broker": {[]wire.Method{
			&wire.BasicConsume{Queue: "orders"}, &wire.BasicConsumeOk{ConsumerTag: "amq.x"}, deliver("amq.x", 4)}, 4},
		"without acks": {[]wire.Method{
			&wire.BasicConsume{Queue: "orders", ConsumerTag: "b", NoAck: true}, deliver("b", 4)}, 3},
		"another queue": {[]wire.Method{&wire.BasicConsume{Queue: "else", ConsumerTag: "b"}, deliver("b", 4)}, 3},
		"the queue declared last": {[]wire.Method{
			&wire.QueueDeclareOk{Queue: "orders"}, &wire.BasicConsume{ConsumerTag: "b"}, deliver("b", 4)}, 4},
		"gets": {[]wire.Method{
			&wire.BasicGet{Queue: "else"}, &wire.BasicGet{Queue: "orders"}, &wire.BasicGet{Queue: "orders", NoAck: true},
			&wire.BasicGetEmpty{}, &wire.BasicGetOk{DeliveryTag: 4}, &wire.BasicGetOk{DeliveryTag: 5}}, 4},
	} {
		b := newBook()
		for _, m := range append(append([]wire.Method(nil), consume...), c.then...) {
			require.False(t, b.enter(m), name)
		}
		require.Equal(t, c.want, b.count("orders"), name)
		require.True(t, b.enter(&wire.ChannelClose{}), name)
	}
}

package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method wire.Method
		tag    uint64
		want   bool
	}{
		{&wire.BasicAck{DeliveryTag: 7}, 7, true},
		{&wire.BasicAck{DeliveryTag: 8}, 7, false},
		{&wire.BasicAck{DeliveryTag: 8, Multiple: true}, 7, true},
		{&wire.BasicAck{DeliveryTag: 6, Multiple: true}, 7, false},
		{&wire.BasicAck{Multiple: true}, 7, true},
		{&wire.BasicNack{DeliveryTag: 8, Multiple: true}, 7, true},
		{&wire.BasicNack{DeliveryTag: 8}, 7, false},
		{&wire.BasicReject{DeliveryTag: 7}, 7, true},
		{&wire.BasicReject{DeliveryTag: 8}, 7, false},
		{&wire.BasicReject{DeliveryTag: 8}, 0, true},
		{&wire.BasicGet{}, 0, false},
		{nil, 0, false}, // a note
	} {
		require.Equal(t, c.want, tap.Answers(c.tag)(tap.Event{Method: c.method}), "%T %+v for tag %d", c.method, c.method, c.tag)
	}
}

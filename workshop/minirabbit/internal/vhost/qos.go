package vhost

import (
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// qos limits what may be unacknowledged: without global for each consumer that comes later, with global for the channel as a
// whole (rabbitmq.com/docs/consumer-prefetch). Setting the one for consumers takes that of the channel away, as in RabbitMQ.
func (ch *Channel) qos(m *wire.BasicQos) *fault.Error {
	if m.PrefetchSize != 0 {
		return fault.Connection(fault.NotImplemented, "prefetch_size!=0 (%d)", m.PrefetchSize)
	}
	if m.Global && ch.host.version.GlobalQos() {
		ch.setLimit(int(m.PrefetchCount))
	} else {
		ch.prefetch = int(m.PrefetchCount)
		ch.setLimit(0)
	}
	ch.answer(false, &wire.BasicQosOk{})
	return nil
}

func (ch *Channel) setLimit(n int) {
	if n == ch.limit {
		return
	}
	ch.limit = n
	ch.wake()
}

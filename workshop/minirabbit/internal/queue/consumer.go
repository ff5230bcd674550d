package queue

import (
	"time"

	"warren.example/workshop/wire"
)

// Consumer is what basic.consume makes. ParseConsume reads it, the caller adds what the method doesn't say, and
// Queue.AddConsumer takes it; after that the exported fields don't change.
type Consumer struct {
	Tag     string
	Owner   any // the caller's: whom Next's deliveries go to
	Channel any // the caller's: consumers with the same one share what Ready asks about
	// NoAck: a delivery is forgotten at once. Prefetch doesn't limit it, except that streams want one.
	NoAck     bool
	Exclusive bool
	// Prefetch is how many deliveries it may have unacknowledged; 0 is no limit, which in a quorum queue means 2000.
	Prefetch int
	// ChannelLimit tells that basic.qos with global is on for the channel. Only classic queues take such a consumer; its
	// limit is up to Ready.
	ChannelLimit bool
	Priority     int64 // the highest gets messages first (rabbitmq.com/docs/consumer-priority)
	Offset       Offset
	Timeout      *time.Duration // x-consumer-timeout, since 4.3; nil: the queue's or the broker's
	Arguments    wire.Table
	// Ready tells whether the consumer may get a message, as far as its channel goes. Nil: always. Once it said no it is
	// asked again only after Queue.Wake, an acknowledgement or a requeue.
	Ready func() bool

	queue   *Queue // nil: not consuming
	kind    Kind
	seat    uint64 // when it came
	unacked int

	list           *level // where it waits for its turn; nil: it waits for credit
	parked         bool   // its channel could take nothing when it was its turn
	previous, next *Consumer

	yields bool  // single active of a quorum queue that shall give way to a higher priority
	cursor int64 // of a stream
	filter *filter
}

// quorumPrefetch is how many deliveries a consumer of a quorum queue without a limit may have (rabbit_fifo_client).
const quorumPrefetch = 2000

// credit is how many more deliveries the consumer may have.
func (c *Consumer) credit() int {
	const unlimited = 1 << 30
	switch {
	case c.NoAck:
		return unlimited
	case c.Prefetch > 0:
		return c.Prefetch - c.unacked
	case c.kind == Quorum:
		return quorumPrefetch - c.unacked
	}
	return unlimited
}

func (c *Consumer) able() bool { return c.credit() > 0 && (c.Ready == nil || c.Ready()) }

// Active tells whether the consumer gets messages: it consumes, and if the queue has a single active consumer, it is that.
func (c *Consumer) Active() bool {
	return c.queue != nil && (!c.queue.settings.SingleActive || c.queue.active == c)
}

// Unacked is how many deliveries of the consumer wait for their acknowledgement, also after it was cancelled.
func (c *Consumer) Unacked() int { return c.unacked }

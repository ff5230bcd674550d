package bus

import (
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// acks acks groups of one channel. Its deliveries are numbered from 1 without holes, and groups are taken from them in order.
type acks struct {
	session *session

	mu    sync.Mutex
	upTo  uint64            // all up to this one are acked
	ahead map[uint64]uint64 // groups that were acked before an older one: from their first to their last
}

// ack acks a group: in one message if it is the oldest that was at work, for "multiple" says "and all before".
func (a *acks) ack(group []amqp.Delivery) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, last := group[0].DeliveryTag, group[len(group)-1].DeliveryTag
	if first != a.upTo+1 {
		if a.ahead == nil {
			a.ahead = make(map[uint64]uint64)
		}
		a.ahead[first] = last
		for tag := first; tag <= last; tag++ {
			if err := a.session.ch.Ack(tag, false); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
		return nil
	}
	a.upTo = last
	for {
		next, ok := a.ahead[a.upTo+1]
		if !ok {
			break
		}
		delete(a.ahead, a.upTo+1)
		a.upTo = next
	}
	if err := a.session.ch.Ack(last, true); err != nil {
		return fmt.Errorf("ack: %w", err)
	}
	a.session.worked.Store(true)
	return nil
}

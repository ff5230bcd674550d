package bus

import (
	"context"
	"fmt"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Parked message is one that died.
type Parked struct {
	Queue    string // where it died, or its handler failed; empty: it doesn't say
	Reason   string // why: the text of an error, or RabbitMQ's word: "delivery_limit", "rejected"
	Attempts int64  // how often its handler has failed
	Replays  int64  // how often it was sent back
	Delivery amqp.Delivery
}

// List returns up to limit messages of a parked queue, the oldest first. They stay there, in their order.
func List(ctx context.Context, c Config, parked string, limit int) ([]Parked, error) {
	var all []Parked
	err := eachParked(ctx, c, parked, func(_ *sender, p Parked) (bool, error) {
		all = append(all, p)
		return len(all) < limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", parked, err)
	}
	return all, nil
}

// Replay sends up to limit messages of a parked queue back to the queues where they died, the oldest first; with ids only
// those. It returns how many are back, and the messages that can't go back, which stay: those that don't say where they died,
// or whose queue is gone.
//   - A message goes to the queue where it died, and to no other. Its attempts count from 0 again.
//   - It leaves the parked queue when RabbitMQ has confirmed that it is in the other. Whatever breaks meanwhile, it is in one
//     of them; it may be in both, and the inbox tells.
//   - What dies again meanwhile stays parked.
func Replay(ctx context.Context, c Config, parked string, limit int, ids ...string) (moved int, stuck []Parked, err error) {
	err = eachParked(ctx, c, parked, func(s *sender, p Parked) (bool, error) {
		if len(ids) > 0 && !slices.Contains(ids, p.Delivery.MessageId) {
			return true, nil
		}
		if p.Queue == "" {
			stuck = append(stuck, p)
			return true, nil
		}
		m := again(p.Delivery)
		delete(m.Headers, headerAttempt)
		delete(m.Headers, headerReason)
		delete(m.Headers, headerQueue)
		m.Headers[headerReplays] = p.Replays + 1
		switch err := s.send(ctx, []outgoing{{key: p.Queue, Publishing: m}})[0]; err {
		case nil:
		case ErrUnroutable, ErrRefused:
			stuck = append(stuck, p)
			return true, nil
		default:
			return false, err
		}
		moved++
		return moved < limit, p.Delivery.Ack(false)
	})
	if err != nil {
		err = fmt.Errorf("replay %q: %w", parked, err)
	}
	return moved, stuck, err
}

// eachParked takes what a parked queue has now, one by one, while each returns true. What each doesn't ack is back when it
// returns.
func eachParked(ctx context.Context, c Config, parked string, each func(*sender, Parked) (bool, error)) error {
	if err := c.check(); err != nil {
		return err
	}
	s, err := newSender(ctx, c, c.URLs[0], 1)
	for _, url := range c.URLs[1:] {
		if err == nil {
			break
		}
		s, err = newSender(ctx, c, url, 1)
	}
	if err != nil {
		return err
	}
	defer s.close()
	queue, err := s.ch.QueueDeclarePassive(parked, true, false, false, false, nil)
	if err != nil {
		return err
	}
	for range queue.Messages {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, ok, err := s.ch.Get(parked, false)
		if err != nil {
			return err
		}
		if !ok {
			return nil // somebody else has taken some
		}
		more, err := each(s, died(d))
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// died reads what is known of a message's death. Its own headers say where its handler failed. A message that RabbitMQ itself
// has parked has none, but an x-death, whose first entry is the last death.
func died(d amqp.Delivery) Parked {
	p := Parked{Delivery: d}
	p.Attempts, _ = integer(d.Headers[headerAttempt])
	p.Replays, _ = integer(d.Headers[headerReplays])
	if deaths, _ := d.Headers["x-death"].([]any); len(deaths) > 0 {
		last, _ := deaths[0].(amqp.Table)
		p.Queue, _ = last["queue"].(string)
		p.Reason, _ = last["reason"].(string)
		return p
	}
	p.Queue, _ = d.Headers[headerQueue].(string)
	p.Reason, _ = d.Headers[headerReason].(string)
	return p
}

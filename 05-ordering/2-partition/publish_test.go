package partition_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

var publishes = tap.Filter{From: tap.Client, Method: "basic.publish"}

func TestKeyStaysInItsPartition(t *testing.T) {
	const n, each = 3, 2
	orders := orderIDs(24)
	s := newShop(t, n)
	s.publish(mixed(orders, each)...)

	story := s.story()
	of := map[string]map[int][]string{} // the bodies of a key, by partition
	for i, messages := range s.contents(n) {
		s.lab.Check(len(messages) > 0, lab.Claim{
			Saw:  fmt.Sprintf("messages of %d orders were published, and partition %d has none", len(orders), i),
			Want: "the keys are spread over all partitions",
			Why:  "two of three workers never have anything to do",
			Wire: story,
			Read: read,
		})
		for _, d := range messages {
			if of[d.RoutingKey] == nil {
				of[d.RoutingKey] = map[int][]string{}
			}
			of[d.RoutingKey][i] = append(of[d.RoutingKey][i], string(d.Body))
			s.lab.Check(d.DeliveryMode == amqp.Persistent, lab.Claim{
				Saw:  fmt.Sprintf("%s waits with delivery mode %d", d.Body, d.DeliveryMode),
				Want: "persistent (2)",
				Why:  "RabbitMQ is restarted, and what was confirmed is gone",
				Wire: story,
				Read: "03-durability/README.md",
			})
		}
	}
	for _, order := range orders {
		claim := lab.Claim{
			Saw: fmt.Sprintf("%d messages of %s were published one after another; the partitions have of this routing key: %q",
				each, order, of[order]),
			Want: "all of them in one partition, in that order, with the order's id as their routing key",
			Why:  "two workers have the same order in hand: it is cancelled before it is placed, and shipped",
			Wire: story,
			Read: read,
		}
		s.lab.Check(len(of[order]) == 1, claim)
		for _, got := range of[order] {
			s.lab.Check(slices.Equal(got, messages(order, each)), claim)
		}
	}
	s.nothingStaysOpen(s.conn, "Publish returned")
}

func TestUnsureIsAnError(t *testing.T) {
	const stopped = "ctx ended before the confirm"
	first := tap.Trigger{Filter: publishes, Nth: 1}
	for name, fail := range map[string]func(*stage) *tap.Rule{
		"RabbitMQ refused it (basic.nack)": func(s *stage) *tap.Rule { return s.lab.Tap.Add(tap.Refuse{On: first}) },
		"the connection broke before the confirm": func(s *stage) *tap.Rule {
			return s.lab.Tap.Add(tap.Cut{On: first, When: tap.Before})
		},
		"nothing was bound to " + partition.Exchange: func(s *stage) *tap.Rule {
			s.lab.DeleteQueue(partition.Queue(0))
			s.lab.DeleteQueue(partition.Queue(1))
			return nil
		},
		"there was no " + partition.Exchange: func(s *stage) *tap.Rule {
			if err := s.channel().ExchangeDelete(partition.Exchange, false, false); err != nil {
				s.lab.Failf("delete the exchange: %v", err)
			}
			return nil
		},
		stopped: func(s *stage) *tap.Rule { return s.lab.Tap.Add(tap.HoldConfirm{On: first}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, 2)
			rule := fail(s)
			call := s.lab.Go("Publish", func(ctx context.Context) error {
				return partition.Publish(ctx, s.conn, "order-7", []byte("order-7.1"))
			})
			if name == stopped {
				s.lab.Soon(func() bool { return rule.Struck() > 0 || !call.Running() })
				s.lab.Settle()
				s.lab.Check(call.Running(), lab.Claim{
					Saw:  "RabbitMQ had not confirmed order-7.1, and Publish returned",
					Want: "it waits for the confirm, or for ctx",
					Why:  "the next call begins, this one is refused, and the order has a hole",
					Wire: s.story(),
					Read: read,
				})
				s.publish("order-8.01") // of another key: it need not wait for this one
				call.Stop()
			}
			err := call.WaitOr(lab.Claim{
				Saw: name + ", and Publish does not return", Want: "an error, at once", Wire: s.story(), Read: read,
			})

			claim := lab.Claim{Want: "an error", Why: "the caller believes that the order's message waits for a worker; it is gone",
				Wire: s.story(), Read: read}
			claim.Saw = name + ", and Publish returned nil"
			s.lab.Error(err, claim)
			claim.Want = "an error that wraps ctx's"
			claim.Saw = fmt.Sprintf("%s, and Publish returned: %v", name, err)
			s.lab.Check(name != stopped || errors.Is(err, context.Canceled), claim)
			if !s.conn.IsClosed() {
				s.nothingStaysOpen(s.conn, name+"; Publish returned an error")
			}
		})
	}
}

// RabbitMQ serves each channel by itself. Here the one of the first message is slow: from the message on all waits.
func TestGivenUpDoesNotComeLater(t *testing.T) {
	s := newShop(t, 2)
	slow := uint16(0)
	of := func(e tap.Event) bool {
		if slow == 0 && e.Name() == "basic.publish" {
			slow = e.Channel
		}
		return slow != 0 && e.Channel == slow
	}
	held := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Where: of}}})
	publish := func(body string) *lab.Call {
		return s.lab.Go("Publish", func(ctx context.Context) error { return partition.Publish(ctx, s.conn, "order-7", []byte(body)) })
	}
	first := publish("order-7.placed")
	s.lab.Soon(func() bool { return held.Struck() > 0 || !first.Running() })
	s.lab.Settle()
	first.Stop()
	s.lab.Settle()
	if first.Running() { // it waits for something that makes it sure
		held.Remove()
	}
	s.lab.Error(first.Wait(), lab.Claim{
		Saw:  "RabbitMQ had not confirmed order-7.placed, and Publish returned nil",
		Want: "an error: ctx ended",
		Wire: s.story(),
		Read: read,
	})

	second := publish("order-7.paid")
	s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(publishes) > 1 || !second.Running() })
	s.lab.Settle()
	held.Remove()
	s.lab.NoError(second.Wait(), lab.Claim{Want: "nil: RabbitMQ has all now", Wire: s.story(), Read: read})

	s.lab.Soon(func() bool {
		s.lab.Fence(s.conn)
		return s.lab.OpenChannels(s.conn) == 0 // nobody is at work any more
	})
	var got []string
	for _, messages := range s.contents(2) {
		for _, d := range messages {
			got = append(got, string(d.Body))
		}
	}
	newest := len(got) > 0 && got[len(got)-1] == "order-7.paid"
	s.lab.Check(newest && (len(got) == 1 || len(got) == 2 && got[0] == "order-7.placed"), lab.Claim{
		Saw: fmt.Sprintf("Publish gave order-7.placed up and returned an error; then order-7.paid was published. "+
			"The partition has %q", got),
		Want: "order-7.placed comes first, or not at all",
		Why:  "who gets an error publishes again, or stops. A message that gets there later all the same comes behind what is newer",
		Wire: s.story(),
		Read: read,
	})
	s.nothingStaysOpen(s.conn, "Publish returned twice")
}

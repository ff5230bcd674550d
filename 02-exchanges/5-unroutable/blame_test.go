package unroutable_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// Two calls wait side by side, one for a message that no queue takes. RabbitMQ gives that one back, and then answers the
// other one first.
func TestReturnIsForItsOwnCall(t *testing.T) {
	for _, v := range []struct {
		name string
		keys [2]string // of order-1 and order-2
	}{
		{"the second", [2]string{key, typo}},
		{"the first", [2]string{typo, key}},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := newShop(t)
			held := [2]*tap.Rule{s.holdConfirm(1), s.holdConfirm(2)}
			returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})
			var calls [2]*lab.Call
			for i, key := range v.keys {
				calls[i] = s.publish(fmt.Sprint("order-", i+1), key)
				s.sent(i + 1)
			}
			s.mustReturn(1)
			returned.Remove()
			s.awhile()

			good, bad := 0, 1
			if v.keys[0] == typo {
				good, bad = 1, 0
			}
			held[good].Remove()
			s.mustBeRoutable(calls[good], fmt.Sprintf("order-%d was given back, a queue took order-%d", bad+1, good+1))
			held[bad].Remove()
			s.mustBeUnroutable(calls[bad], fmt.Sprintf("order-%d was given back, a queue took order-%d", bad+1, good+1))
		})
	}
}

// The same message is published by two calls. In between, somebody binds a queue: the first is returned, and the second not.
func TestSameMessageTwiceBoundBetween(t *testing.T) {
	s := newShop(t)
	first, second := s.holdConfirm(1), s.holdConfirm(2)
	returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})
	m := amqp.Publishing{MessageId: "01-the-outbox-row", Body: []byte("order-7")}

	bad := s.send(typo, m)
	s.sent(1)
	s.mustReturn(1)
	s.bind(typo)
	good := s.send(typo, m)
	s.sent(2)
	returned.Remove()
	s.awhile()

	second.Remove()
	s.mustBeRoutable(good, "the same message was published twice; the first was given back, a queue took the second")
	first.Remove()
	s.mustBeUnroutable(bad, "the same message was published twice; the first was given back, a queue took the second")
}

// The other way round: the queue's binding goes between the two.
func TestSameMessageTwiceUnboundBetween(t *testing.T) {
	s := newShop(t)
	first, second := s.holdConfirm(1), s.holdConfirm(2)
	m := amqp.Publishing{MessageId: "01-the-outbox-row", Body: []byte("order-7")}

	good := s.send(key, m)
	s.sent(1)
	s.lab.Await("RabbitMQ to answer the first", func() bool { return first.Struck() > 0 })
	s.unbind(key)
	bad := s.send(key, m)
	s.sent(2)
	s.mustReturn(1)
	s.awhile()

	first.Remove()
	s.mustBeRoutable(good, "the same message was published twice; a queue took the first, the second was given back")
	second.Remove()
	s.mustBeUnroutable(bad, "the same message was published twice; a queue took the first, the second was given back")
}

func TestLateReturnCountsForNoOther(t *testing.T) {
	s := newShop(t)
	first := s.holdConfirm(1)
	returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})
	gone := s.publish("order-7", typo)
	s.sent(1)
	s.mustReturn(1)
	s.lab.Error(gone.Stopped(), lab.Claim{
		Saw:  "ctx ended before RabbitMQ said anything about order-7, and Publish returned nil",
		Want: "an error that wraps ctx's",
		Read: read,
	})

	second := s.holdConfirm(1)
	call := s.publish("order-8", key)
	s.sent(2)
	returned.Remove() // now order-7 is given back; nobody waits for it
	first.Remove()
	s.awhile()
	second.Remove()

	s.mustBeRoutable(call, "order-7 was given back when its caller had gone; a queue took order-8")
}

func TestSlowAnswerHoldsUpNobody(t *testing.T) {
	s := newShop(t)
	held := s.holdConfirm(1)
	slow := s.publish("order-7", key)
	s.sent(1)

	s.mustBeRoutable(s.publish("order-8", key), "RabbitMQ takes its time for order-7; a queue took order-8")
	s.mustBeUnroutable(s.publish("order-9", typo), "RabbitMQ takes its time for order-7; no queue takes order-9")

	s.lab.Check(slow.Running(), lab.Claim{
		Saw:  "RabbitMQ has not answered to order-7 yet, and Publish has returned",
		Want: "Publish waits for the answer to its own message",
		Wire: s.answers(),
		Read: read,
	})
	held.Remove()
	s.mustBeRoutable(slow, "a queue took order-7, and RabbitMQ took its time")
}

// A message that was received is published again, with all its headers, by two calls at once: what Publish put into them the
// first time tells nothing now.
func TestForwardedMessageIsANewOne(t *testing.T) {
	s := newShop(t)
	s.mustBeRoutable(s.publish("order-7", key), "a queue takes order-7")
	received := s.lab.Get(queue)
	m := amqp.Publishing{MessageId: received.MessageId, Headers: received.Headers, Body: received.Body}
	first, second := s.holdConfirm(1), s.holdConfirm(2)
	returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})

	bad := s.send(typo, m)
	s.sent(2)
	s.mustReturn(1)
	good := s.send(key, m)
	s.sent(3)
	returned.Remove()
	s.awhile()

	const before = "a message that was received is published again by two calls; the first was given back, a queue took the second"
	second.Remove()
	s.mustBeRoutable(good, before)
	first.Remove()
	s.mustBeUnroutable(bad, before)
}

// All messages go out before RabbitMQ acks one: its returns come alone, and whoever wanted to read them later stands in the
// way of everything on this connection.
func TestManyAtOnceHalfOfThemUnroutable(t *testing.T) {
	const n = 300
	s := newShop(t)
	acks := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(0)})
	results := make([]error, n)

	call := s.lab.Go("Publish", func(ctx context.Context) error {
		var callers sync.WaitGroup
		for i := range n {
			callers.Go(func() {
				m := amqp.Publishing{MessageId: fmt.Sprint("order-", i), Body: fmt.Append(nil, "order-", i)}
				results[i] = s.publisher.Publish(ctx, exchange, []string{key, typo}[i%2], m)
			})
		}
		callers.Wait()
		return results[0] // if the work is not done, the lab learns of it here
	})
	s.mustSend(n)
	s.mustReturn(n / 2)
	acks.Remove()

	claim := lab.Claim{
		Want: "each caller hears what became of its own message",
		Why: "amqp091-go waits for whoever listens to returns, up to five seconds, and then throws the return away; " +
			"meanwhile nothing is read on this connection",
		Read: read,
	}
	claim.Saw = fmt.Sprintf("%d goroutines publish, and every second message is unroutable: it doesn't end", n)
	s.lab.NoError(call.WaitOr(claim), lab.Claim{Want: "nil for order-0: a queue took it", Wire: s.few(returning), Read: read})
	claim.Wire = s.few(returning)
	for i, err := range results {
		claim.Saw = fmt.Sprintf("of %d at once, order-%d was taken by a queue; Publish returned: %v", n, i, err)
		good := err == nil
		if i%2 == 1 {
			claim.Saw = fmt.Sprintf("of %d at once, order-%d was given back; Publish returned: %v", n, i, err)
			good = isUnroutable(err)
		}
		s.lab.Check(good, claim)
	}
	s.lab.Check(s.lab.Depth(queue) == n/2, lab.Claim{
		Saw: fmt.Sprintf("%d messages of %d are in the queue", s.lab.Depth(queue), n), Want: fmt.Sprint(n / 2),
	})
}

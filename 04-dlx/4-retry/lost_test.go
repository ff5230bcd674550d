package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/4-retry"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestQueuesLoseNothing(t *testing.T) {
	s := newStage(t)
	s.must(s.put(order("order-7", nil)), 0.5)
	s.mustDeclare() // every consumer declares at its start

	s.sent(s.waiting()[0], "order-7 waits, and Declare was called once more")
	for _, name := range append(s.waiting(), s.parked()) {
		q := s.lab.Queue(name)
		claim := lab.Claim{Read: read}
		claim.Saw = fmt.Sprintf("queue %s: type %s, durable %v, exclusive %v, auto-delete %v", name, q.Type, q.Durable, q.Exclusive, q.AutoDelete)
		claim.Want = "a durable quorum queue"
		claim.Why = "a node goes down while orders wait, and they with it; a classic queue also forgets what expires before Queue has it"
		s.lab.Check(q.Type == "quorum" && q.Durable && !q.Exclusive && !q.AutoDelete, claim)

		claim.Saw = fmt.Sprintf("queue %s was declared with %v", name, q.Arguments)
		claim.Want = "nothing takes a message out before its time: no x-expires, no x-max-length"
		claim.Why = "on the day when everything fails the queue is full, and the oldest orders make room"
		s.lab.Check(q.Arguments["x-expires"] == nil && q.Arguments["x-max-length"] == nil && q.Arguments["x-max-length-bytes"] == nil, claim)
		if name == s.parked() {
			claim.Want = "no x-message-ttl: what is parked stays until somebody takes it"
			s.lab.Check(q.Arguments["x-message-ttl"] == nil, claim)
			continue
		}
		claim.Want = `x-dead-letter-strategy "at-least-once", which needs x-overflow "reject-publish"`
		claim.Why = "the message expires while the node of " + queue + " is down: it has left this queue, and never comes to that one"
		s.lab.Check(q.Arguments["x-dead-letter-strategy"] == "at-least-once" && q.Arguments["x-overflow"] == "reject-publish", claim)
	}
}

func TestLookingUsesNothingUp(t *testing.T) {
	const looks = 30 // RabbitMQ 4 allows 20 by itself
	s := newStage(t)
	s.must(s.put(order("order-7", int64(2))), 0.5)
	ch := s.lab.Channel()
	for look := range looks {
		d, ok, err := ch.Get(s.parked(), false)
		if err != nil {
			s.lab.Failf("get from %s: %v", s.parked(), err)
		}
		s.lab.Check(ok, lab.Claim{
			Saw:  fmt.Sprintf("somebody looked at order-7 in %s %d times and gave it back, and it is gone", s.parked(), look),
			Want: "it stays however often one looks",
			Why: "the parked queue has a delivery limit, 20 on RabbitMQ 4 if it was declared with none. At the 21st look the last copy " +
				"of a paid order is thrown away",
			Read: "04-dlx/README.md#poison",
		})
		if err := d.Reject(true); err != nil {
			s.lab.Failf("give back to %s: %v", s.parked(), err)
		}
		if _, err := ch.QueueDeclarePassive(s.parked(), true, false, false, false, nil); err != nil { // the reject has arrived
			s.lab.Failf("look for %s: %v", s.parked(), err)
		}
	}
}

func TestDeclareSaysWhatIsWrong(t *testing.T) {
	s := newStage(t)
	s.plan.Queue = "billing.commands"
	s.plan.Steps = []time.Duration{time.Hour, time.Microsecond}
	claim := lab.Claim{Want: "an error, and nothing is declared", Why: "the service starts, and fails with the first message that fails", Read: read}
	claim.Saw = "a step is a microsecond, and Declare returned nil"
	s.lab.Error(s.declare(), claim)
	claim.Saw = "a step is a microsecond, and Declare made queues before it said so"
	s.lab.Check(!s.lab.Exists(s.waiting()[0]) && !s.lab.Exists(s.parked()), claim)

	s.plan.Steps = []time.Duration{time.Hour}
	s.lab.Declare(s.waiting()[0], nil) // a classic one of last year
	err := s.declare()
	claim.Want = "an error that wraps RabbitMQ's *amqp.Error, with code 406"
	claim.Saw = "a queue is there and differs, and Declare returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("a queue is there and differs, and Declare returned: %v", err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)

	s.plan.Queue = "shipping.commands"
	s.mustDeclare()
	s.lab.Check(!s.lab.Exists(s.plan.Queue), lab.Claim{
		Saw:  "Declare made the queue " + s.plan.Queue,
		Want: "that queue is the caller's",
		Why:  "its owner declares it otherwise, and can't (406)",
		Read: read,
	})
}

func TestAckComesAfterTheConfirm(t *testing.T) {
	s := newStage(t)
	other := s.put(order("order-6", nil)) // handled by another worker, on the same channel
	d := s.put(order("order-7", nil))
	held := s.lab.Tap.Add(tap.HoldConfirm{On: tap.Trigger{Filter: publishes, Nth: 1}})

	call := s.try(d, errStock, 0.5)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
	s.lab.Settle()

	s.lab.Check(len(s.acked(d)) == 0, lab.Claim{
		Saw:  "RabbitMQ has not confirmed that order-7 is in the next queue, and order-7 was answered",
		Want: "publish, then its confirm, then the ack",
		Why:  "RabbitMQ forgets an acked message at once. If it can't store the other one, the order is gone",
		Wire: s.story(),
		Read: read,
	})
	held.Remove()
	s.lab.NoError(s.result(call), lab.Claim{Want: "nil: the confirm was slow, and it came", Wire: s.story(), Read: read})
	answers := s.acked(d)
	said := []string{}
	for _, e := range answers {
		said = append(said, e.Gist())
	}
	s.lab.Check(len(answers) == 1 && isAckOfOne(answers[0]) && len(s.acked(other)) == 0, lab.Claim{
		Saw:  fmt.Sprintf("order-7 was confirmed, and Retry returned nil; its delivery was answered with %q", said),
		Want: "one ack, for order-7 alone: order-6, which came before it, is still being handled",
		Why:  "the worker that has order-6 dies, and it does not come back; or order-7 comes back without having waited",
		Wire: s.story(),
		Read: read,
	})
	sent := s.lab.Tap.Recording().Find(publishes)
	s.lab.Check(sent[len(sent)-1].Channel != answers[0].Channel, lab.Claim{
		Saw:  "order-7 was published on the channel over which it was delivered",
		Want: "a channel of Retry's own",
		Why: "RabbitMQ answers a publish that it does not like by closing the channel: the consumer is gone with it, and all that it " +
			"had in hand comes again",
		Wire: s.story(),
		Read: read,
	})
	s.nothingStaysOpen("Retry returned nil")
}

func isAckOfOne(e tap.Event) bool {
	ack, ok := e.Method.(*wire.BasicAck)
	return ok && !ack.Multiple
}

func TestLostAckIsAnError(t *testing.T) {
	s := newStage(t)
	d := s.put(order("order-7", nil))
	s.renew() // the channel of the delivery is closed: RabbitMQ has taken order-7 back

	err := s.result(s.try(d, errStock, 0.5))

	s.lab.Error(err, lab.Claim{
		Saw:  "the channel of the delivery was closed, so order-7 could not be acked, and Retry returned nil. " + s.places(),
		Want: "an error: it is in two queues now, or Retry has sent nothing",
		Why:  "the consumer goes on with a channel that is gone: it is sent nothing any more, and reports nothing",
		Wire: s.story(),
		Read: read,
	})
	s.nothingStaysOpen("Retry returned an error")
}

func TestNotStoredIsNotAcked(t *testing.T) {
	refuse := tap.Refuse{On: tap.Trigger{Filter: publishes, Nth: 1}}
	hold := tap.HoldConfirm{On: tap.Trigger{Filter: publishes, Nth: 1}}
	const stopped = "ctx ended before the confirm"
	// Each returns what fails while Retry is at work, and what mends it.
	for name, fail := range map[string]func(*stage) (meanwhile func(*lab.Call), mend func()){
		"RabbitMQ refused it (basic.nack)": func(s *stage) (func(*lab.Call), func()) {
			return nil, s.lab.Tap.Add(refuse).Remove
		},
		"there was no queue for the step": func(s *stage) (func(*lab.Call), func()) {
			s.lab.DeleteQueue(s.waiting()[0])
			return nil, s.mustDeclare
		},
		"the queue of the step was deleted just before the message came": func(s *stage) (func(*lab.Call), func()) {
			held := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: publishes, Nth: 1}})
			return func(call *lab.Call) {
				s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
				s.lab.DeleteQueue(s.waiting()[0])
				held.Remove()
			}, s.mustDeclare
		},
		stopped: func(s *stage) (func(*lab.Call), func()) {
			return func(call *lab.Call) {
				s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(publishes) > 0 || !call.Running() })
				s.lab.Settle()
				call.Stop()
			}, s.lab.Tap.Add(hold).Remove
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			d := s.put(amqp.Publishing{Headers: amqp.Table{"tenant": "eu"}, Body: []byte("order-7")})
			meanwhile, mend := fail(s)
			call := s.try(d, errStock, 0.5)
			if meanwhile != nil {
				meanwhile(call)
			}
			err := call.WaitOr(lab.Claim{
				Saw:  name + ", and Retry does not return",
				Want: "an error, at once",
				Why:  "the service was told to stop, and hangs until it is killed",
				Wire: s.story(),
				Read: read,
			})

			claim := lab.Claim{Want: "an error", Why: "whoever calls Retry believes that the order waits somewhere", Wire: s.story(), Read: read}
			claim.Saw = name + ", and Retry returned nil"
			s.lab.Error(err, claim)
			claim.Want = "an error that wraps ctx's"
			claim.Saw = fmt.Sprintf("%s, and Retry returned: %v", name, err)
			s.lab.Check(name != stopped || errors.Is(err, context.Canceled), claim)
			s.lab.Check(len(s.acked(d)) == 0, lab.Claim{
				Saw:  name + "; Retry returned an error, and order-7 was answered all the same",
				Want: "no answer: it is the caller's to try again or to give back",
				Why:  "what is acked and stored nowhere is gone",
				Wire: s.story(),
				Read: read,
			})
			s.nothingStaysOpen("Retry returned an error")

			mend()
			s.lab.Drain(s.waiting()[0]) // it may have got there all the same
			s.must(d, 0.5)
			s.lab.Check(s.lab.Depth(s.waiting()[1]) == 0, lab.Claim{
				Saw:  "Retry was called twice for one failure, and order-7 waits for the second step",
				Want: "for the first: it failed once, and d tells nothing of the call that came to nothing",
				Why:  "while RabbitMQ is short of memory, orders run out of attempts that nobody made",
				Wire: s.story(),
				Read: read,
			})
			got := s.sent(s.waiting()[0], "Retry was called again with order-7, and nothing stood in its way")
			s.lab.Check(got.Headers[retry.Attempt] == int64(1), lab.Claim{
				Saw:  fmt.Sprintf("order-7 failed once, and waits with attempt=%v (%[1]T)", got.Headers[retry.Attempt]),
				Want: "attempt=1, an int64",
				Wire: s.story(),
				Read: read,
			})
		})
	}
}

// The connection breaks at the first method, then at the second, and so on, before it and after it.

func TestCutAtEveryMethodFromYou(t *testing.T) { sweeps(t, tap.Client) }

func TestCutAtEveryMethodFromTheBroker(t *testing.T) { sweeps(t, tap.Broker) }

func sweeps(t *testing.T, from tap.Side) {
	for _, when := range []tap.When{tap.Before, tap.After} {
		for failed, name := range []string{"to a step", "to the parked"} {
			t.Run(fmt.Sprintf("%s, %s", when, name), func(t *testing.T) {
				t.Parallel()
				sweep(lab.New(t), from, when, int64(failed))
			})
		}
	}
}

func sweep(l *lab.Lab, from tap.Side, when tap.When, failed int64) {
	s := stageOf(l, queue, time.Hour)
	s.mustDeclare()
	next := append(s.waiting(), s.parked())[failed]
	for step := range l.Sweep(tap.Filter{From: from}, when) {
		l.Drain(s.plan.Queue)
		l.Drain(next)
		s.conn, s.ch = l.Dial(), nil // the ones before were cut
		s.renew()
		l.Put("", s.plan.Queue, order("order-7", failed))
		deliveries, err := s.ch.Consume(s.plan.Queue, "worker", false, false, false, false, nil)
		if err != nil {
			l.Failf("consume: %v", err)
		}
		var d amqp.Delivery
		l.Await("order-7 to be delivered", func() bool {
			select {
			case d = <-deliveries:
				return true
			default:
				return false
			}
		})
		step.Begin()

		err = s.result(s.try(d, errStock, 0.5))

		l.Finished(err)
		if step.Struck() {
			l.Await("RabbitMQ to notice", func() bool { return l.Consumers(s.plan.Queue) == 0 })
		}
		there := l.Soon(func() bool { return l.Depth(s.plan.Queue)+l.Depth(next) > 0 })
		n := l.Depth(s.plan.Queue) + l.Depth(next)
		l.Check(there && n <= 2, lab.Claim{
			Saw:  fmt.Sprintf("%s: order-7 is %d times in the queues; Retry returned: %v", step, n, err),
			Want: "it is in one of them, or in both: in the next queue first, and acked then",
			Why:  "a deployment ends the process just here, and a paid order is in no queue, no log, and nobody's hands",
			Wire: step.Wire(),
			Read: read,
		})
		l.Check(err != nil || l.Depth(next) == 1, lab.Claim{
			Saw:  fmt.Sprintf("%s: Retry returned nil, and the next queue has %d messages", step, l.Depth(next)),
			Want: "one: nil means that it is there",
			Wire: step.Wire(),
			Read: read,
		})
		if !step.Struck() {
			l.NoError(err, lab.Claim{Want: "nil: nothing was cut", Wire: step.Wire(), Read: read})
			l.Check(l.Soon(func() bool { return l.Unacked(s.plan.Queue) == 0 }) && n == 1, lab.Claim{
				Saw: "nothing was cut, and order-7 is in " + s.places(), Want: "in the next queue alone", Wire: step.Wire(), Read: read,
			})
		}
	}
}

package poison_test

import (
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestPoisonIsParkedAfterItsAttempts(t *testing.T) {
	for _, attempts := range []int{1, 3, 25} { // 25: more than RabbitMQ 4 allows by itself
		t.Run(fmt.Sprint(attempts), func(t *testing.T) { parkedAfter(t, attempts) })
	}
}

func parkedAfter(t *testing.T, attempts int) {
	s := newStage(t, attempts)
	s.lab.Put("", queue, amqp.Publishing{
		MessageId: "seven", DeliveryMode: amqp.Persistent, Body: []byte("order-7"), Headers: amqp.Table{"tenant": "north"},
	})
	call := s.consume()
	isParked := func() bool { return s.lab.Depth(parked) > 0 }

	for attempt := 1; attempt <= attempts; attempt++ {
		j, ok := s.next(call, isParked)
		s.lab.Check(ok, lab.Claim{
			Saw: fmt.Sprintf("Declare was told %d attempts, and after %d deliveries order-7 does not come again; parked: %d",
				attempts, attempt-1, s.lab.Depth(parked)),
			Want: fmt.Sprintf("%d deliveries", attempts),
			Why:  "the database was away for a moment, and a good order is given up before its time",
			Wire: s.story(),
			Read: about,
		})
		s.lab.Check(j.attempt == attempt, lab.Claim{
			Saw: fmt.Sprintf("order-7 is delivered for the %s time, with x-delivery-count %#v, and handle was told attempt %d",
				nth(attempt), j.Headers["x-delivery-count"], j.attempt),
			Want: fmt.Sprintf("attempt %d: one more than x-delivery-count, and RabbitMQ leaves that out the first time", attempt),
			Why:  "a handle that does something else at its last attempt does it too early, or never",
			Wire: s.story(),
			Read: about,
		})
		j.end <- errBroken
	}

	again, comes := s.next(call, isParked)
	s.lab.Check(!comes, lab.Claim{
		Saw:  fmt.Sprintf("Declare was told %d attempts, and %s came a %s time", attempts, again.order(), nth(attempts+1)),
		Want: fmt.Sprintf("%d deliveries: then RabbitMQ parks it", attempts),
		Why:  "what fails every time is tried more often than anybody decided, perhaps for ever, and all others wait",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(s.lab.Depth(parked) == 1, lab.Claim{
		Saw:  fmt.Sprintf("order-7 failed %d times; it comes no more, and %s has %d orders", attempts, parked, s.lab.Depth(parked)),
		Want: "order-7 is parked",
		Why:  "a paid order vanishes without a trace; who could mend it never sees it",
		Wire: s.story(),
		Read: about,
	})
	s.stopped(call)
	d := s.lab.Get(parked)
	s.lab.Check(string(d.Body) == "order-7" && d.MessageId == "seven" && d.Headers["tenant"] == "north", lab.Claim{
		Saw:  fmt.Sprintf("parked is %q, with the id %q and the tenant %v", d.Body, d.MessageId, d.Headers["tenant"]),
		Want: `the message as it was: "order-7", id "seven", tenant "north"`,
		Why:  "who wants to mend it and send it again has nothing to send",
		Read: about,
	})
	s.lab.Check(reason(d) == "delivery_limit", lab.Claim{
		Saw:  fmt.Sprintf("order-7 is parked, and x-death says the reason %q", reason(d)),
		Want: "delivery_limit: RabbitMQ counts, and RabbitMQ parks it",
		Why:  "what a process counts is forgotten when it dies, and what it moves itself is lost or doubled if it dies between",
		Wire: s.story(),
		Read: about,
	})
}

// nth is "3rd" for 3.
func nth(n int) string {
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			return fmt.Sprintf("%dst", n)
		case 2:
			return fmt.Sprintf("%dnd", n)
		case 3:
			return fmt.Sprintf("%drd", n)
		}
	}
	return fmt.Sprintf("%dth", n)
}

// reason is why a message died last.
func reason(d amqp.Delivery) string {
	deaths, _ := d.Headers["x-death"].([]any)
	if len(deaths) == 0 {
		return ""
	}
	death, _ := deaths[0].(amqp.Table)
	why, _ := death["reason"].(string)
	return why
}

// TestGoodNeighboursAreHandled has one bad order and nine good ones, all sent ahead together. A process that dies is started
// again, as often as it takes.
func TestGoodNeighboursAreHandled(t *testing.T) {
	for _, failure := range []error{errBroken, errPanic} {
		t.Run(ends(failure), func(t *testing.T) { neighbours(t, failure) })
	}
}

func neighbours(t *testing.T, failure error) {
	const attempts = 3
	s := newStage(t, attempts, numbered(ahead)...)
	handled := map[string]int{}
	deaths := 0
	settled := func() bool { return s.lab.Depth(parked)+len(handled) >= ahead && s.lab.Unacked(queue) == 0 }

	call := s.consume()
	s.sent(call, ahead)
	for tries := 0; tries <= 10*attempts; {
		j, ok := s.next(call, settled)
		switch {
		case ok && j.order() == "order-1":
			tries++
			j.end <- failure
			continue
		case ok:
			handled[j.order()]++
			j.end <- nil
			continue
		case !call.Running() && deaths <= attempts:
			_ = call.Wait() // not done yet: that ends the test
			deaths++
			s.crash()
			call = s.consume()
			continue
		}
		break
	}
	if call.Running() {
		s.stopped(call)
	}

	s.lab.Check(!s.beside.Load(), lab.Claim{
		Saw:  "two handles ran at the same time",
		Want: "one message after another",
		Why:  "two changes to the same stock overtake each other, and what the handle doesn't lock breaks",
		Wire: s.story(),
		Read: about,
	})
	bad := s.bodies(parked)
	s.lab.Check(slices.Equal(bad, []string{"order-1"}), lab.Claim{
		Saw: fmt.Sprintf("the handle of order-1 %s every time, the others' return nil; Consume ended %d times, and parked are %v",
			ends(failure), deaths, bad),
		Want: "order-1 alone is parked: its neighbours have failed nowhere",
		Why: "what ends the channel or the process counts as an attempt of all that was sent ahead: one bad order takes nine " +
			"good ones with it, which nobody ever tried",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Method: "note"})...),
		Read: about,
	})
	for _, order := range numbered(ahead)[1:] {
		s.lab.Check(handled[order] == 1, lab.Claim{
			Saw:  fmt.Sprintf("the handle of %s was called %d times, and returned nil", order, handled[order]),
			Want: "once: it is a good order",
			Wire: s.story(),
			Read: about,
		})
	}
	s.lab.Check(s.lab.Depth(queue) == 0, lab.Claim{
		Saw:  fmt.Sprintf("nine orders are done, one is parked, and the queue has %d", s.lab.Depth(queue)),
		Want: "none",
		Wire: s.story(),
		Read: about,
	})
}

func TestEachDeliveryHasItsAnswer(t *testing.T) {
	s := newStage(t, 1, numbered(6)...) // what fails doesn't come again
	call := s.consume()
	j := s.first(call)
	s.sent(call, 6)

	for _, failure := range []error{nil, errBroken, errLate, errGivenUp, errPanic} {
		s.lab.Check(len(s.answered(j.DeliveryTag)) == 0, lab.Claim{
			Saw:  fmt.Sprintf("%s is answered, and its handle has not returned", j.order()),
			Want: "an answer for one message, when its handle has ended",
			Why:  "RabbitMQ counts or forgets what nobody has tried yet",
			Wire: s.story(),
			Read: about,
		})
		j.end <- failure
		following := s.must(call, fmt.Sprintf("the handle of %s %s, and the next one does not begin", j.order(), ends(failure)))

		said := s.answered(j.DeliveryTag)
		s.lab.Check(len(said) == 1, lab.Claim{
			Saw: fmt.Sprintf("the handle of %s %s, the next one has begun, and there are %d answers",
				j.order(), ends(failure), len(said)),
			Want: "one answer for each message, before the next begins",
			Why: "without an answer the message stays here, and after ten of them nothing more is sent; with two RabbitMQ closes " +
				"the channel (406), and that counts as an attempt of all that was sent ahead",
			Wire: s.story(),
			Read: about,
		})
		s.rightAnswer(j, failure, said[0])
		j = following
	}
	j.end <- nil
	s.stopped(call)
}

// rightAnswer claims that a message is answered as its handle ended.
func (s *stage) rightAnswer(j job, failure error, answer tap.Event) {
	if failure == nil {
		_, acked := answer.Method.(*wire.BasicAck)
		s.lab.Check(acked, lab.Claim{
			Saw:  fmt.Sprintf("the handle of %s returned nil, and the answer was %s", j.order(), answer.Gist()),
			Want: "an ack: the work is done",
			Wire: s.story(),
			Read: about,
		})
		return
	}
	m, rejected := answer.Method.(*wire.BasicReject)
	claim := lab.Claim{
		Saw:  fmt.Sprintf("the handle of %s %s, and the answer was %s", j.order(), ends(failure), answer.Gist()),
		Want: "back to the queue, in the way that every RabbitMQ counts: basic.reject with requeue",
		Why: "since RabbitMQ 4.3 basic.nack says that nobody tried: it counts for nothing, and after the update the bad order " +
			"comes back for ever",
		Wire: s.story(),
		Read: about,
	}
	if _, nack := answer.Method.(*wire.BasicNack); !nack {
		claim.Why = "an order whose handle failed has attempts left, or has to be parked with its reason: it is neither done nor lost"
	}
	s.lab.Check(rejected && m.Requeue, claim)
}

// TestPublishedCountSaysNothing sends an order as a replay does that copies all headers: with the count of its former life.
func TestPublishedCountSaysNothing(t *testing.T) {
	s := newStage(t, 3)
	s.lab.Put("", queue, amqp.Publishing{
		DeliveryMode: amqp.Persistent, Body: []byte("order-7"), Headers: amqp.Table{"x-delivery-count": int64(7)},
	})
	call := s.consume()
	for i, failure := range []error{errBroken, nil} {
		j := s.first(call)
		s.lab.Check(j.attempt == i+1, lab.Claim{
			Saw: fmt.Sprintf("order-7 was published with x-delivery-count 7; it comes for the %s time, redelivered=%v, with "+
				"x-delivery-count %v, and handle was told attempt %d", nth(i+1), j.Redelivered, j.Headers["x-delivery-count"], j.attempt),
			Want: fmt.Sprintf("attempt %d: what RabbitMQ has not delivered before, it has not counted either", i+1),
			Why:  "somebody looked at a parked order a few times, and replays it: its first attempt is taken for the last one",
			Wire: s.story(),
			Read: about,
		})
		j.end <- failure
	}
	s.stopped(call)
}

func TestCrashCountsAsAnAttempt(t *testing.T) {
	const attempts = 3
	s := newStage(t, attempts, "order-7")

	for attempt := 1; attempt <= attempts; attempt++ {
		call := s.consume()
		j := s.must(call, fmt.Sprintf("the process has died %d times over order-7, and it doesn't come again", attempt-1))
		s.lab.Check(j.attempt == attempt, lab.Claim{
			Saw: fmt.Sprintf("the process has died %d times over order-7, it comes with x-delivery-count %#v, and handle was "+
				"told attempt %d", attempt-1, j.Headers["x-delivery-count"], j.attempt),
			Want: fmt.Sprintf("attempt %d: what nobody answered counts", attempt),
			Wire: s.story(),
			Read: about,
		})
		s.crash()
		j.end <- nil // too late: it arrives nowhere
		s.lab.Error(call.Wait(), lab.Claim{
			Saw:  "the connection was lost, and Consume returned nil",
			Want: "an error: ctx has not ended",
			Wire: s.story(),
			Read: about,
		})
	}

	call := s.consume()
	again, comes := s.next(call, func() bool { return s.lab.Depth(parked) > 0 })
	s.lab.Check(!comes, lab.Claim{
		Saw:  fmt.Sprintf("the process has died %d times over %s, and it came a %s time", attempts, again.order(), nth(attempts+1)),
		Want: fmt.Sprintf("%d attempts, then it is parked: a handle that kills its process returns no error", attempts),
		Why:  "the process dies of the same order again and again, all day, and handles nothing else",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(s.lab.Depth(parked) == 1, lab.Claim{
		Saw:  fmt.Sprintf("the process has died %d times over order-7, and %s has %d orders", attempts, parked, s.lab.Depth(parked)),
		Want: "order-7 is parked",
		Wire: s.story(),
		Read: about,
	})
	s.stopped(call)
}

func TestTenAreSentAhead(t *testing.T) {
	s := newStage(t, 3, numbered(30)...)

	call := s.consume()
	j := s.first(call)
	s.lab.Soon(func() bool { return s.lab.Unacked(queue) >= ahead })
	s.lab.Await("orders that are ready, or sent", func() bool { return s.lab.Depth(queue)+s.lab.Unacked(queue) == 30 })
	s.lab.Settle()

	s.lab.Check(s.lab.Unacked(queue) == ahead, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-1 runs; %d of 30 orders were sent to this process, %d are in the queue",
			s.lab.Unacked(queue), s.lab.Depth(queue)),
		Want: "10 are sent ahead, 20 stay in the queue",
		Why: "when the process dies that is an attempt of each order that was sent here: without a limit, of all there are; with " +
			"a limit of 1 each one waits for a round trip",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
			return e.Name() == "basic.qos" || e.Name() == "basic.consume"
		}})...),
		Read: about,
	})
	close(j.end)
}

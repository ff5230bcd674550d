package acks_test

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestStopFinishesTheRunningHandle(t *testing.T) {
	for _, v := range []acks.Verdict{acks.Ack, acks.Again, acks.Discard} {
		t.Run(name(v), func(t *testing.T) { finishes(t, v) })
	}
}

func finishes(t *testing.T, v acks.Verdict) {
	s := newStage(t, "order-7")
	call := s.consume()
	j := s.must(call)

	call.Stop()
	s.lab.Note("ctx ends")
	s.quiet()

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "ctx ended, and Consume returned while the handle of order-7 was running",
		Want: "Consume waits for the running handle and answers for it",
		Why:  "the program takes that for the end and exits: order-7 is broken off half-way, and begun again elsewhere",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(j.ctx.Err() == nil, lab.Claim{
		Saw:  "ctx ended, and with it the context of the handle of order-7",
		Want: "the context that handle gets stays alive: what has begun is finished",
		Why:  "each deployment breaks off a call to the database: is the stock reserved or not?",
		Read: about,
	})
	j.end <- v
	s.stopped(call)
	said := s.heard(j.DeliveryTag)
	s.lab.Check(len(said) == 1, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-7 returned %s after ctx had ended, and RabbitMQ got no %s for it, but %d answers",
			name(v), strings.ToLower(name(v)), len(said)),
		Want: "one answer, as the verdict says, before the end of its channel",
		Why:  "with each deployment the running orders are done twice, or what can never be done begins its next round",
		Wire: s.story(),
		Read: about,
	})
	ready, parked := 0, 0
	switch v {
	case acks.Again:
		ready = 1
	case acks.Discard:
		parked = 1
	}
	there := s.lab.Soon(func() bool { return s.lab.Depth(queue) == ready && s.lab.Depth(dead) == parked })
	s.lab.Check(there, lab.Claim{
		Saw: fmt.Sprintf("the handle of order-7 returned %s after ctx had ended; %s has %d orders, and %s has %d",
			name(v), queue, s.lab.Depth(queue), dead, s.lab.Depth(dead)),
		Want: fmt.Sprintf("%d and %d: the verdict counts as much as before", ready, parked),
		Why:  "with each deployment the running orders are done twice, or lost",
		Wire: s.story(),
		Read: about,
	})
}

func TestStopTakesNoMore(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.consume()
	j := s.must(call)

	call.Stop()
	s.lab.Note("ctx ends")

	claim := lab.Claim{
		Saw:  "ctx ended while the handle of order-7 runs, and RabbitMQ still has a consumer here",
		Want: "basic.cancel at once: what comes now goes to others",
		Why: "the running handle takes half a minute, and so long ten more orders are sent to a process that will " +
			"not begin them",
		Wire: s.story(),
		Read: about,
	}
	gone := s.lab.Soon(func() bool { return s.lab.Consumers(queue) == 0 })
	s.lab.Check(gone && call.Running(), claim)
	s.lab.Publish(queue, "order-8")
	s.quiet()
	s.rest(1, lab.Claim{Want: "one: order-8, free for others", Wire: s.story()})
	j.end <- acks.Ack
	s.stopped(call)
}

// TestStopBeginsNothing stops sixteen at once: of those that leave it to chance, all would have to be lucky.
func TestStopBeginsNothing(t *testing.T) {
	const n = 16
	s := newStage(t)
	var calls []*lab.Call
	for range n {
		calls = append(calls, s.consume())
	}
	s.lab.Await("sixteen consumers", func() bool { return s.lab.Consumers(queue) == n })
	s.publish(numbered(n * ahead))
	var running []job
	for _, call := range calls {
		running = append(running, s.must(call))
	}
	s.sent(n * ahead)

	for _, call := range calls {
		call.Stop()
	}
	s.lab.Note("ctx ends")
	s.quiet()
	for _, j := range running {
		j.end <- acks.Ack
	}
	s.lab.Soon(func() bool {
		for _, call := range calls {
			if call.Running() && len(s.begun) == 0 {
				return false
			}
		}
		return true
	})

	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended while %d handles ran, and more than those were begun afterwards", n),
		Want: "what was sent ahead and not begun is left alone",
		Why: "a program that was told to stop has seconds, and what is in its memory may take minutes: it is killed in the " +
			"middle of something",
		Read: about,
	})
	for _, call := range calls {
		s.stopped(call)
	}
	s.rest(n*ahead-n, lab.Claim{
		Saw:  fmt.Sprintf("of %d orders %d were handled, and the queue has %d", n*ahead, n, s.lab.Depth(queue)),
		Want: fmt.Sprintf("the %d that nobody began", n*ahead-n),
		Why:  "an order that was never handled is gone",
	})
}

// publish is lab.Publish for many: it waits once.
func (s *stage) publish(orders []string) {
	ch := s.lab.Channel()
	if err := ch.Confirm(false); err != nil {
		s.lab.Failf("select confirm mode: %v", err)
	}
	var last *amqp.DeferredConfirmation
	for _, order := range orders {
		var err error
		last, err = ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{Body: []byte(order)})
		if err != nil {
			s.lab.Failf("publish: %v", err)
		}
	}
	last.Wait()
}

func TestStopWithoutWork(t *testing.T) {
	s := newStage(t, "order-7")
	call := s.consume()
	s.ended(s.must(call), acks.Ack)
	s.quiet() // Consume waits for a message now

	s.stopped(call)

	s.lab.Publish(queue, "order-8")
	s.rest(1, lab.Claim{Want: "one: order-8, which nobody began", Wire: s.story()})
}

// TestStopSendsNothingInCircles has a queue that counts how often each order went back, and gives up at three.
func TestStopSendsNothingInCircles(t *testing.T) {
	s := newStageWith(t, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 3}, numbered(ahead)...)
	call := s.consume()
	j := s.must(call)
	s.sent(ahead)

	call.Stop()
	s.lab.Note("ctx ends")
	s.quiet(func() bool { // each order is somewhere, and none is about to come here
		ready := s.lab.Depth(queue)
		return ready+s.lab.Unacked(queue)+s.lab.Depth(dead) == ahead && (ready == 0 || s.lab.Consumers(queue) == 0)
	})
	j.end <- acks.Ack
	s.lab.Soon(func() bool { return !call.Running() || s.lab.Depth(dead) > 0 })

	lost := s.lab.Depth(dead)
	s.lab.Check(lost == 0, lab.Claim{
		Saw: fmt.Sprintf("ctx ended while the handle of %s ran, and %d orders that nobody ever handled are in %s",
			j.order(), lost, dead),
		Want: "no consumer any more, before anything goes back",
		Why: "what is given back to a queue that still has this consumer comes straight here again; each time counts, and " +
			"at its delivery limit RabbitMQ throws the order out",
		Wire: s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
			return string(e.Body) == "order-2" || e.Name() == "basic.cancel" || tap.Answers(2)(e)
		}})...),
		Read: about,
	})
	s.stopped(call)
	s.rest(ahead-1, lab.Claim{Want: "nine: those that nobody began"})
	for _, d := range s.lab.Drain(queue) {
		count, _ := d.Headers["x-delivery-count"].(int64)
		s.lab.Check(count <= 1, lab.Claim{
			Saw:  fmt.Sprintf("%s, which nobody ever handled, went back %d times", d.Body, count),
			Want: "once",
			Why:  "each deployment brings it nearer to its delivery limit, where RabbitMQ throws it out",
			Read: about,
		})
	}
}

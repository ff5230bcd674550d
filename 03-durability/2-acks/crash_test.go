package acks_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// What the process died of doesn't matter to RabbitMQ, only when. These tests go through a message's life:
//
//	sent ahead ──► handle begins ──► handle returns ──► answer ──► the next begins
//	     ✗                ✗                 ✗         ✗

func TestCrashBeforeTheHandleLosesNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.consume()
	s.must(call)
	s.sentAhead(3)
	s.quiet()
	wire := s.lab.Wire(append(s.autoAcks(), s.answered(0)...)...)

	s.crash()

	s.rest(3, lab.Claim{
		Saw: fmt.Sprintf("three orders were sent, the handle of the first one began, and the process died: %d are in the queue",
			s.lab.Depth(queue)),
		Want: "all three: no handle has returned",
		Why:  "what RabbitMQ may forget before its handle began is lost: orders that nobody ever looked at",
		Wire: wire,
	})
}

// autoAcks returns what told the broker not to wait for acks.
func (s *stage) autoAcks() []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		m, ok := e.Method.(*wire.BasicConsume)
		return ok && m.NoAck
	}})
}

func TestCrashInTheHandleLosesNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8")
	call := s.consume()
	seven := s.must(call)
	s.sentAhead(2)
	s.quiet()
	select {
	case eight := <-s.begun: // side by side; another test forbids that
		if seven.DeliveryTag > eight.DeliveryTag {
			seven, eight = eight, seven
		}
		eight.end <- acks.Ack
	default:
	}
	s.quiet()
	early := s.answered(seven.DeliveryTag)
	wire := s.story()

	s.crash()

	ready := s.lab.Depth(queue)
	s.lab.Check(len(early) == 0 && s.lab.Soon(func() bool { return s.lab.Depth(queue) >= 1 }), lab.Claim{
		Saw:  fmt.Sprintf("the process died while it handled order-7; the queue has %d orders, and order-7 was acked", ready),
		Want: "order-7 is in the queue again",
		Why:  "an ack tells RabbitMQ to forget: the order is neither packed nor refused, and nobody knows",
		Wire: wire,
		Read: about,
	})
	back := s.lab.Get(queue)
	s.lab.Check(string(back.Body) == "order-7" && back.Redelivered, lab.Claim{
		Saw:  fmt.Sprintf("the process died while it handled order-7; next in the queue is %s", back.Body),
		Want: "order-7, redelivered",
		Wire: wire,
		Read: about,
	})
}

// TestCrashWhileAnsweringKeepsOne cuts the process off at each method that it sends after a handle has returned. Wherever
// that is, the order is there once, in one queue or the other, or it was acked.
func TestCrashWhileAnsweringKeepsOne(t *testing.T) {
	for _, v := range []acks.Verdict{acks.Ack, acks.Again, acks.Discard} {
		for nth := 1; nth <= 4; nth++ {
			t.Run(fmt.Sprintf("%s/%d", name(v), nth), func(t *testing.T) { crashAt(t, v, nth) })
		}
	}
}

func crashAt(t *testing.T, v acks.Verdict, nth int) {
	s := newStage(t, "order-7", "order-8")
	call := s.consume()
	j := s.must(call)
	s.sent(2)
	var fencing atomic.Bool
	own := make(map[uint16]bool) // the fence's channel
	cut := s.lab.Tap.Add(tap.Cut{When: tap.Before, On: tap.Trigger{Nth: nth, Filter: tap.Filter{
		From: tap.Client, Where: func(e tap.Event) bool {
			if fencing.Load() && e.Name() == "channel.open" {
				own[e.Channel] = true
			}
			return e.Channel != 0 && !own[e.Channel] && e.Name() != "basic.cancel"
		},
	}}})
	j.end <- v

	// Either the cut comes, or the next order: then all has been said about order-7.
	s.lab.Soon(func() bool { return cut.Struck() > 0 || len(s.begun) > 0 || !call.Running() })
	fencing.Store(true)
	s.lab.Fence(s.conn)
	wire := s.story()
	s.crash()

	acked := len(s.heard(j.DeliveryTag)) > 0 && v == acks.Ack
	want := 1
	claim := lab.Claim{Want: "one: it is handled again, or it has arrived where the verdict sends it", Wire: wire, Read: about}
	if acked {
		want = 0
		claim.Want = "none: it was acked"
	}
	copies := func() int { return s.lab.Depth(queue) + s.lab.Depth(dead) - 1 } // one is order-8
	there := s.lab.Soon(func() bool { return copies() == want })
	claim.Saw = fmt.Sprintf("the handle of order-7 returned %s, the process died before method %d that follows, and "+
		"there are %d copies of order-7", name(v), nth, copies())
	claim.Why = "a crash between two steps: the order is gone for ever, or is there twice and is packed twice"
	s.lab.Check(there, claim)
}

// heard returns the answers to a delivery tag that have reached RabbitMQ.
func (s *stage) heard(tag uint64) []tap.Event {
	return s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		return tap.Answers(tag)(e) && e.Fate != tap.Dropped && e.Fate != tap.Held
	}})
}

func TestCrashAfterTheAnswerRepeatsNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.consume()
	s.must(call).end <- acks.Ack
	s.must(call).end <- acks.Ack
	s.must(call) // order-9: the others are done with
	s.lab.Fence(s.conn)
	wire := s.story()

	s.crash()

	s.rest(1, lab.Claim{
		Saw: fmt.Sprintf("two handles returned Ack, the third one began, and the process died: the queue has %d orders",
			s.lab.Depth(queue)),
		Want: "one: order-9. An answer is sent before the next handle begins",
		Why:  "answers that wait for company are lost with the process: what was done is done again, ten at a time",
		Wire: wire,
	})
}

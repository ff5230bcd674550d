package blocked_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"warren.example/workshop/lab"
)

func TestHangingWriteEndsWithCtx(t *testing.T) {
	s := newStage(t)
	_, call := s.hang()

	call.Stop()

	s.mustBe(call, isCancelled, lab.Claim{
		Saw:  "RabbitMQ reads no more, a write hangs, and ctx ended",
		Want: "an error that wraps ctx's (%w), at once",
		Why: "the library looks at ctx before it writes, and no more while it does: the request hangs for as long as RabbitMQ " +
			"has no memory",
	})
}

func TestWhoWaitsForTheWriteLeavesWithCtx(t *testing.T) {
	s := newStage(t)
	hanging, first := s.hang()
	var waiting []*lab.Call
	for i := range 5 {
		waiting = append(waiting, s.send(fmt.Sprint("order-", i)))
	}
	s.lab.Settle()

	for i, call := range waiting {
		call.Stop()
		s.mustBe(call, isCancelled, lab.Claim{
			Saw:  fmt.Sprintf("a write hangs, order-%d waits behind it, and its ctx ended", i),
			Want: "an error that wraps ctx's (%w), at once",
			Why:  "one hanging write, and every request of the shop hangs with it",
		})
	}
	s.readOn(hanging)
	s.mustBe(first, isNil, lab.Claim{Saw: "RabbitMQ reads again, and acked the big order", Want: "nil"})

	s.awhile()
	s.lab.Check(len(s.sent()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("five calls gave up behind a hanging write; when it went on these were sent: %q", s.sent()),
		Want: "the big order only",
		Why: "each one that gave up has left a goroutine and a message in memory. They pile up while RabbitMQ has no memory, " +
			"and then all are sent: orders that customers were told to repeat",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

func TestWhoLeavesAHangingWriteKeepsTheTurn(t *testing.T) {
	s := newStage(t)
	hanging, first := s.hang()
	first.Stop()
	s.mustBe(first, isCancelled, lab.Claim{Saw: "a write hangs, and its ctx ended", Want: "an error that wraps ctx's (%w), at once"})
	second := s.send("order-1")
	s.lab.Settle()
	second.Stop()
	s.mustBe(second, isCancelled, lab.Claim{
		Saw:  "a write hangs, its caller has left, order-1 waits behind it, and its ctx ended",
		Want: "an error that wraps ctx's (%w), at once",
	})

	s.readOn(hanging)

	s.mustSend(1)
	s.lab.Check(!slices.Contains(s.sent(), "order-1"), lab.Claim{
		Saw: fmt.Sprintf("the caller of the big order left its hanging write, and order-1 gave up behind it; when RabbitMQ read "+
			"again these were sent: %q", s.sent()),
		Want: "the big order only: the turn is over when the write is, not when its caller leaves",
		Why: "each request that gives up leaves a goroutine and a message. They pile up while RabbitMQ has no memory, and then " +
			"all are sent: orders that customers were told to repeat",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
	s.mustBe(s.send("order-2"), isNil, lab.Claim{
		Saw: "RabbitMQ reads again, and the big order, whose caller had left, is written; order-2 was published", Want: "nil",
		Why: "a caller that leaves takes the turn along, and nobody writes any more",
	})
}

func TestBlockingEndsTheWaitForTheWrite(t *testing.T) {
	s := newStage(t)
	hanging, first := s.hang()
	waiting := s.send("order-1")
	s.lab.Settle()

	s.lab.Tap.Block("low on memory") // so it goes: RabbitMQ reads no more, and says why
	s.mustHear(1, true)

	s.mustBe(waiting, isBlocked, lab.Claim{
		Saw:  "a write hangs, order-1 waits behind it, and RabbitMQ said that it blocks",
		Want: "ErrBlocked, at once",
		Why:  "requests wait for their time to run out, though RabbitMQ has said that it is no use",
	})
	s.lab.Tap.Unblock()
	s.mustHear(2, false)
	s.readOn(hanging)
	s.mustBe(first, isNil, lab.Claim{
		Saw: "the blocking has ended, RabbitMQ read the big order, and acked it", Want: "nil: that was written, and answered",
	})
	s.lab.Fence(s.conn)
	s.lab.Check(!slices.Contains(s.sent(), "order-1"), lab.Claim{
		Saw:  "order-1 was refused, and sent when the blocking had ended",
		Want: "nothing of it is sent, now or later",
		Why:  "the customer was told to repeat the order, and gets two parcels",
		Wire: s.wire(),
	})
}

func (s *stage) closing() *lab.Call { return s.lab.Go("Close", s.pub.Close) }

func TestCloseEndsWithCtx(t *testing.T) {
	s := newStage(t)
	s.stopReading()
	closing := s.closing()
	s.lab.Settle()

	s.mustStopClosing(closing, "RabbitMQ reads no more")
}

func TestCloseBehindAWriteEndsWithCtx(t *testing.T) {
	s := newStage(t)
	s.hang()

	s.mustStopClosing(s.closing(), "RabbitMQ reads no more, and a write hangs")
}

// mustStopClosing ends ctx of a Close, and the test unless Close returns then.
func (s *stage) mustStopClosing(closing *lab.Call, saw string) {
	closing.Stop()

	claim := lab.Claim{
		Saw:  saw + ", ctx of Close ended, and Close still waits",
		Want: "an error that wraps ctx's (%w)",
		Why:  "a deployment can't stop the process, and Kubernetes kills it in the middle of something",
		Read: "03-durability/README.md#blocked",
	}
	err := closing.WaitOr(claim)
	claim.Saw = fmt.Sprintf("%s, ctx of Close ended, and Close returned: %v", saw, err)
	s.lab.Check(isCancelled(err), claim)
}

func TestClosingAgainReturnsAtOnce(t *testing.T) {
	s := newStage(t)
	s.stopReading()
	first := s.closing()
	s.lab.Settle()
	s.mustStopClosing(first, "RabbitMQ reads no more")

	claim := lab.Claim{
		Saw:  "RabbitMQ reads no more, one Close has given up, and a second Close still waits",
		Want: "closing again does nothing and returns nil, at once",
		Why:  "the deferred Close behind the one that gave up has no ctx that ends: the process hangs at its very end",
		Read: "03-durability/README.md#blocked",
	}
	err := s.closing().WaitOr(claim)
	claim.Saw = fmt.Sprintf("one Close has given up, and a second Close returned: %v", err)
	s.lab.NoError(err, claim)
}

func TestCloseClosesItsChannelOnly(t *testing.T) {
	s := newStage(t)
	held := s.hold()
	sent := s.send("order-1")
	s.mustSend(1)

	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil"})

	s.mustBe(sent, isLost, lab.Claim{
		Saw:  "the publisher was closed before the answer to order-1 came",
		Want: "an error that is neither ErrFull nor ErrBlocked",
		Why:  "RabbitMQ may have the order, and it is called refused",
	})
	held.Remove()
	s.mustBe(s.send("order-2"), func(err error) bool { return err != nil }, lab.Claim{
		Saw: "the publisher was closed; then Publish was called", Want: "an error",
	})
	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "closing again does nothing and returns nil"})
	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "the publisher was closed, and its caller's connection is closed",
		Want: "who opens a connection closes it: the caller",
		Why:  "whatever else the program does over this connection fails, far from here",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.OpenChannels(s.conn) == 0 }), lab.Claim{
		Saw:  "the publisher was closed, and its channel is open",
		Want: "what NewPublisher opens Close closes",
		Why:  "a connection has room for 2,047 channels; then nobody can publish any more",
	})
}

func TestNothingRunsWhenTheConnectionIsClosed(t *testing.T) {
	s := newStage(t)
	s.block(1)
	s.unblock(2)
	s.mustBe(s.send("order-1"), isNil, lab.Claim{Saw: "RabbitMQ acked order-1", Want: "nil"})
	s.lab.NoError(s.lab.Do("Close", func(ctx context.Context) error { return s.pub.Close(ctx) }), lab.Claim{Want: "Close returns nil"})
	s.hangUp()
	// The lab looks for goroutines that are left.
}

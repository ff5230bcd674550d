package window_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"warren.example/03-durability/3-window"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestLostChannelIsUnknown(t *testing.T) {
	judgeLoss(t, "the broker closed the channel", func(s *stage) {
		sent := s.lab.WaitFor(publishing().Filter, 1)[0]
		if err := s.lab.Tap.CloseChannel(sent.Conn, sent.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	})
}

func TestLostConnectionIsUnknown(t *testing.T) {
	judgeLoss(t, "the connection was cut", func(s *stage) { s.lab.Tap.CutAll() })
}

// judgeLoss loses the channel while two messages are outstanding, one without its caller, and two calls wait for a place.
func judgeLoss(t *testing.T, what string, lose func(s *stage)) {
	t.Helper()
	s := newStage(t, 2)
	s.hold()
	left, first := s.send("order-1"), s.send("order-2")
	s.out(left, first)
	left.Stop()
	s.mustBeUnknown(left, lab.Claim{Saw: "ctx of order-1 ended before its answer"})
	waiting := []*sending{s.send("order-3"), s.send("order-4")}
	s.awhile()

	lose(s)

	s.mustBeUnknown(first, lab.Claim{
		Saw: what + " before the answer to order-2 came",
		Why: "RabbitMQ may have it, and no answer can come any more: who is told that it was refused sends another one, " +
			"and who is told nothing waits for ever",
	})
	for _, sent := range waiting {
		s.mustBeUnknown(sent, lab.Claim{
			Saw: what + " while " + sent.body + " waited for a place",
			Why: "its caller waits for ever",
		})
	}
	s.mustBeUnknown(s.send("order-5"), lab.Claim{
		Saw: what + ", and later Publish was called",
		Why: "the caller doesn't learn that it needs a new publisher",
	})
}

func TestCloseWaitsForTheAnswers(t *testing.T) {
	s := newStage(t, 2)
	held := s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)

	closing := s.closing()
	s.awhile()

	claim := lab.Claim{
		Saw:  "order-7 was not answered yet, and Close returned",
		Want: "Close waits for the answers to all that was sent",
		Why:  "at every deployment the last messages are unknown: stored or not, nobody will know",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	}
	s.lab.Check(closing.Running(), claim)
	held.Remove()
	s.mustBe(sent, window.Stored, lab.Claim{Saw: "Close had been called, and then RabbitMQ acked order-7", Why: claim.Why})
	s.lab.NoError(closing.Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})
}

func TestCloseWaitsForThoseWhoLeft(t *testing.T) {
	s := newStage(t, 2)
	held := s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)
	sent.Stop()
	s.mustBeUnknown(sent, lab.Claim{Saw: "ctx of order-7 ended before its answer"})

	closing := s.closing()
	s.awhile()

	s.lab.Check(closing.Running(), lab.Claim{
		Saw:  "the caller of order-7 had left before its answer, and Close returned before it too",
		Want: "Close waits for the answers to all that was sent, not for the calls that run",
		Why:  "nil says that RabbitMQ has answered everything; here it has not, and may never",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	})
	held.Remove()
	s.lab.NoError(closing.Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})
}

func TestCloseEndsWithItsCtx(t *testing.T) {
	s := newStage(t, 2)
	s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)
	closing := s.closing()
	s.awhile()

	closing.Stop()

	claim := lab.Claim{
		Saw:  "an answer does not come, ctx of Close ended, and Close still waits",
		Want: "an error that wraps ctx's (%w)",
		Why:  "Kubernetes kills a process that does not end in half a minute: in the middle of something",
		Read: "03-durability/README.md#window",
	}
	err := closing.WaitOr(claim)
	claim.Saw = fmt.Sprintf("an answer does not come, ctx of Close ended, and Close returned: %v", err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.mustBeUnknown(sent, lab.Claim{
		Saw: "Close gave up waiting for the answer to order-7",
		Why: "its caller waits for an answer that can't come any more",
	})
	s.mustHaveNoChannel()
}

func TestNothingIsSentAfterClose(t *testing.T) {
	s := newStage(t, 1)
	held := s.hold("order-1")
	pub := s.pub
	first := s.send("order-1")
	s.out(first)
	waiting := s.send("order-2")
	s.awhile()

	closing := s.closing()
	s.awhile() // Close waits for order-1

	why := "Close has no end while others go on sending, and a program that is told to stop takes new work"
	s.mustBeUnknown(waiting, lab.Claim{Saw: "Close was called while order-2 waited for a place", Why: why})
	s.pub = pub
	s.mustBeUnknown(s.send("order-3"), lab.Claim{Saw: "Close was called and waits for order-1; then Publish was called", Why: why})
	s.pub = nil
	held.Remove()
	s.mustBe(first, window.Stored, lab.Claim{Saw: "RabbitMQ acked order-1"})
	s.lab.NoError(closing.Wait(), lab.Claim{Want: "Close returns nil"})
	s.pub = pub
	s.mustBeUnknown(s.send("order-4"), lab.Claim{Saw: "the publisher was closed; then Publish was called", Why: why})
	s.pub = nil
	s.lab.Fence(s.conn)
	s.lab.Check(slices.Equal(s.sent(), []string{"order-1"}), lab.Claim{
		Saw:  fmt.Sprintf("after Close had been called these were sent: %q", s.sent()[1:]),
		Want: "nothing more",
		Why:  why,
	})
}

func TestCloseClosesItsChannelOnly(t *testing.T) {
	s := newStage(t, 2)
	s.mustBe(s.send("order-7"), window.Stored, lab.Claim{Saw: "RabbitMQ acked order-7"})

	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})

	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "the publisher was closed, and its caller's connection is closed",
		Want: "who opens a connection closes it: the caller",
		Why:  "whatever else the program does over this connection fails, far from here",
		Read: "03-durability/README.md#window",
	})
	s.mustHaveNoChannel()
}

// mustHaveNoChannel ends the test unless the channel of the closed publisher is closed.
func (s *stage) mustHaveNoChannel() {
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.OpenChannels(s.conn) == 0 }), lab.Claim{
		Saw:  "the publisher was closed, and its channel is open",
		Want: "what NewPublisher opens Close closes",
		Why:  "a connection has room for 2,047 channels; then nobody can publish any more",
		Read: "03-durability/README.md#window",
	})
}

func TestNothingRunsAfterClose(t *testing.T) {
	s := newStage(t, 2)
	held := s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)
	sent.Stop()
	s.mustBeUnknown(sent, lab.Claim{Saw: "ctx of order-7 ended before its answer"})
	held.Remove()
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.ack"}, 1)

	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})
	// The lab looks for goroutines that are left.
}

func TestCloseAgainDoesNothing(t *testing.T) {
	s := newStage(t, 2)
	pub := s.pub
	s.mustBe(s.send("order-7"), window.Stored, lab.Claim{Saw: "RabbitMQ acked order-7"})

	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil: every message was answered"})

	s.pub = pub
	claim := lab.Claim{
		Saw:  "the publisher is closed, and a second Close waits for ever",
		Want: "closing again does nothing and returns nil",
		Why:  "a deferred Close after an explicit one hangs the program at its very end",
	}
	err := s.closing().WaitOr(claim)
	claim.Saw = fmt.Sprintf("the publisher is closed, and a second Close returned: %v", err)
	s.lab.NoError(err, claim)
}

func TestCloseAfterALossReturns(t *testing.T) {
	s := newStage(t, 2)
	s.hold("order-7")
	sent := s.send("order-7")
	s.out(sent)
	s.lab.Tap.CutAll()
	s.mustBeUnknown(sent, lab.Claim{Saw: "the connection was cut before the answer to order-7 came"})

	claim := lab.Claim{
		Saw:  "the connection is gone, and Close waits for an answer that can't come",
		Want: "Close returns nil: there is nothing to wait for",
		Why:  "who connects again closes the old publisher first, and never gets to the new one",
	}
	err := s.closing().WaitOr(claim)
	claim.Saw = fmt.Sprintf("the connection is gone, and Close returned: %v", err)
	s.lab.NoError(err, claim)
}

package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"warren.example/03-durability/session"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestCloseSendsTheTail(t *testing.T) {
	s := newScene(t, 4)
	orders := s.unconfirmed(numbered(1, 3)...)
	call := s.lab.Go("Close", s.pub.Close)

	s.awhile()

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "three messages have no answer, and Close returned",
		Want: "Close waits until every message has its answer",
		Why:  "main ends, and with it what was on its way: the last orders of each deployment are lost",
		Wire: s.wire(""),
		Read: read,
	})
	s.lose() // it isn't over when the connection breaks
	s.awhile()
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "Close waited for three answers, the connection was cut, and Close returned",
		Want: "a new session sends them again, and Close returns nil when they are confirmed",
		Why:  "the broker is restarted together with the services: the last orders are lost each time",
		Read: read,
	})
	s.back()
	s.lab.NoError(call.WaitOr(lab.Claim{
		Saw:  "the broker was away during Close; it is back, and Close still waits",
		Want: "nil", Read: read,
	}), lab.Claim{Want: "nil: the broker is back, everything is confirmed", Read: read})
	got := s.bodies(queue)
	s.lab.Check(slices.Equal(firsts(got), numbered(1, 3)), lab.Claim{
		Saw:  fmt.Sprintf("Close returned nil; in the queue: %s", list(got)),
		Want: "order-1 order-2 order-3",
		Why:  "the last orders of each deployment are lost",
		Read: read,
	})
	s.confirmed("Close returned nil", orders...)
}

func TestCloseSaysHowManyAreUnknown(t *testing.T) {
	s := newScene(t, 8)
	s.confirmed("nothing was disturbed", s.publish(numbered(1, 3)...)...)
	orders := s.unconfirmed("order-4", "order-5")
	judgeUnknown(s, orders, "two of five messages have no answer")
}

func TestCloseEndsWithItsContextWithoutAConnection(t *testing.T) {
	s := newScene(t, 8)
	orders := s.unconfirmed("order-1", "order-2")
	s.lose()
	s.lab.Await("a call of Pause", func() bool { return len(s.rest.calls()) > 0 })
	judgeUnknown(s, orders, "the broker is away, and two messages have no answer")
}

// judgeUnknown ends the ctx of Close while two messages have no answer.
func judgeUnknown(s *scene, orders []order, what string) {
	call := s.lab.Go("Close", s.pub.Close)
	s.awhile()
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  what + ", and Close returned before its ctx ended",
		Want: "it waits for them",
		Why:  "main ends, and with it what was on its way: the last orders of each deployment are lost",
		Read: read,
	})

	call.Stop()

	err := call.WaitOr(lab.Claim{
		Saw:  what + "; ctx ended, and Close still waits",
		Want: "Close returns",
		Why:  "the program has ten seconds to stop; then it is killed",
		Read: read,
	})
	var unknown *session.Unknown
	s.lab.Check(errors.As(err, &unknown) && unknown.Messages == len(orders) && errors.Is(err, context.Canceled), lab.Claim{
		Saw:  fmt.Sprintf("%s; ctx ended, and Close returned: %v", what, err),
		Want: fmt.Sprintf("a *session.Unknown with %d messages, which wraps ctx's error", len(orders)),
		Why:  "nobody learns that the last orders may be lost",
		Read: read,
	})
	for _, o := range orders {
		err := s.told(o, "Close gave up")
		s.lab.Check(errors.As(err, &unknown), lab.Claim{
			Saw:  fmt.Sprintf("%s; Close gave up, and the Wait of %s returned: %v", what, o.body, err),
			Want: "a *session.Unknown",
			Why:  "RabbitMQ may have it, or not: both nil and a refusal would be a lie",
			Read: read,
		})
	}
	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Connections()) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("%s; Close gave up, and %d connections are open", what, len(s.lab.Connections())),
		Want: "none",
		Why:  "a program that opens and closes publishers keeps a connection and a goroutine of each",
		Read: read,
	})
}

func TestCloseAgainWaitsToo(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	first := s.lab.Go("Close", s.pub.Close)
	s.awhile()
	second := s.lab.Go("Close", s.pub.Close)
	s.awhile()

	s.lab.Check(first.Running() && second.Running(), lab.Claim{
		Saw:  fmt.Sprintf("order-1 has no answer; Close was called twice, and %d of the calls returned", ended(first)+ended(second)),
		Want: "both wait until every message has its answer",
		Why:  "the signal handler closes, main's defer closes again and ends: what was on its way is lost",
		Read: read,
	})
	s.lose()
	s.back()
	s.confirmed("it was sent again", o)
	for _, call := range []*lab.Call{first, second} {
		s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: every message has its answer", Read: read})
	}
}

func TestNothingIsTakenAfterClose(t *testing.T) {
	s := newScene(t, 1)
	o := s.unconfirmed("order-1")[0]
	_, waits := s.publishing("", queue, s.message("order-2")) // the window is full
	s.awhile()
	closing := s.lab.Go("Close", s.pub.Close)

	err := waits.WaitOr(lab.Claim{
		Saw:  "Close was called, and a Publish that waited for the window still waits",
		Want: "it returns an error",
		Why:  "the program stops when its last goroutine does: never",
		Read: read,
	})
	claim := lab.Claim{
		Saw:  "Close was called, and a Publish that had waited for the window returned nil",
		Want: "an error: nothing is taken after Close",
		Why:  "it was published after the last answer was awaited: it is lost",
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lose()
	s.back()
	s.confirmed("it was sent again", o)
	s.lab.NoError(closing.Wait(), lab.Claim{Want: "nil: every message has its answer", Read: read})

	_, late := s.publishing("", queue, s.message("order-3"))
	claim.Saw = "Close has returned, and Publish still waits"
	err = late.WaitOr(claim)
	claim.Saw = "Close has returned, and Publish took a message"
	s.lab.Error(err, claim)
	s.lab.NoError(s.lab.Do("Close", s.pub.Close), lab.Claim{Want: "nil: closing again does nothing", Read: read})
	got := firsts(s.bodies(queue))
	s.lab.Check(slices.Equal(got, []string{"order-1"}), lab.Claim{
		Saw:  fmt.Sprintf("in the queue: %s", list(got)),
		Want: "order-1: the others were not taken",
		Why:  "the customer was told to try again, and gets two parcels",
		Read: read,
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("order-1")...)
	s.close()
	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Connections()) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("Close has returned, and %d connections are open", len(s.lab.Connections())),
		Want: "none",
		Why:  "each costs the broker memory and a file handle, until no service can connect any more",
		Read: read,
	})

	s.renew(4) // one that never had anything to do
	s.close()

	s.renew(4) // one whose connection is lost, with nothing to send
	s.confirmed("nothing was disturbed", s.publish("order-2")...)
	s.lose()
	s.awhile()
	s.close()
}

func TestCloseEndsWhenTheBrokerTakesNothing(t *testing.T) {
	const tooMuch = 12 << 20 // for what the sockets on the way can hold
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("order-1")...)
	stopped := s.lab.Tap.Add(tap.StopReading{From: tap.Client})
	s.publish(strings.Repeat("x", tooMuch))
	s.awhile()
	call := s.lab.Go("Close", s.pub.Close)
	s.awhile()

	call.Stop()

	err := call.WaitOr(lab.Claim{
		Saw:  "the broker has stopped reading, as RabbitMQ does when it runs out of memory; ctx ended, and Close still waits",
		Want: "Close breaks off the write, and returns",
		Why:  "the program has ten seconds to stop; then it is killed",
		Read: read,
	})
	var unknown *session.Unknown
	s.lab.Check(errors.As(err, &unknown) && unknown.Messages == 1, lab.Claim{
		Saw:  fmt.Sprintf("the broker has stopped reading, one message has no answer; ctx ended, and Close returned: %v", err),
		Want: "a *session.Unknown with 1 message",
		Why:  "nobody learns that the last order may be lost",
		Read: read,
	})
	stopped.Remove() // the tap sees that the connection is closed when it reads again
}

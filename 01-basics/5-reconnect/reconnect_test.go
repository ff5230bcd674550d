package reconnect_test

import (
	"fmt"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// mustReserve publishes an order and ends the test with what happened before unless it is handled.
func (s *scene) mustReserve(call *lab.Call, order, before string) {
	s.lab.Publish(queue, order)
	s.lab.Check(s.lab.Soon(func() bool { return s.done(order) > 0 || !call.Running() }) && s.done(order) > 0, lab.Claim{
		Saw:  fmt.Sprintf("%s. After that %s was published, and nobody handles it%s", before, order, ended(call)),
		Want: "a new session: connection, channel, queue, prefetch, consumer",
		Why:  "the process is up, its health check is green, and no order has been packed since the night",
		Read: "01-basics/README.md#reconnect",
	})
}

// ended says how a call ended, nothing while it runs.
func ended(call *lab.Call) string {
	if call.Running() {
		return ""
	}
	return fmt.Sprintf("; Run has returned: %v", call.Wait())
}

// consuming waits until the consumer's session has a consumer on the queue.
func (s *scene) consuming() {
	s.lab.Await("a consumer on "+queue, func() bool { return s.lab.Exists(queue) && s.lab.Consumers(queue) == 1 })
}

func TestCutConnectionIsReplaced(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.mustReserve(call, "order-0", "the consumer has started")
	for i := 1; i <= 3; i++ {
		s.lab.Tap.CutAll()
		s.mustReserve(call, fmt.Sprintf("order-%d", i), fmt.Sprintf("the connection was cut %s", times(i)))
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func TestClosedChannelIsReplaced(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.closeChannel(1)
	s.mustReserve(call, "order-1", "the broker closed the channel (406), and left the connection open")
}

// closeChannel closes the channel of the nth consumer, as the broker does after a mistake: the connection stays open.
func (s *scene) closeChannel(nth int) {
	consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.consume"}, nth)[nth-1]
	if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}
}

func TestCancelledConsumerIsReplaced(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()

	s.lab.DeleteQueue(queue)

	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Exists(queue) }), lab.Claim{
		Saw: "somebody deleted the queue. RabbitMQ cancelled the consumer (basic.cancel); channel and connection are " +
			"open, and nothing happens any more" + ended(call),
		Want: "a new session, which declares the queue and consumes",
		Why:  "connection up, channel up, everything green: and this process never gets a message again",
		Read: "01-basics/README.md#reconnect",
	})
	s.mustReserve(call, "order-1", "the queue was deleted and declared again")
}

func TestEverySessionDeclaresTheQueue(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()

	const tries = 3 // not for ever: who fails each time would fail as fast as the machine can
	s.rest.hold()
	s.lab.Tap.Refuse(true)
	s.lab.Await("the end of the session", func() bool { return len(s.rest.calls()) == 1 && s.lab.Consumers(queue) == 0 })
	s.lab.DeleteQueue(queue)
	s.lab.Tap.Refuse(false)
	s.rest.release(tries)

	came := s.lab.Soon(func() bool { return s.lab.Exists(queue) || len(s.rest.calls()) > tries })
	s.lab.Check(came && s.lab.Exists(queue), lab.Claim{
		Saw:  "the queue was deleted while the consumer was disconnected; it is back, and the queue is not" + ended(call),
		Want: "each session declares the queue before it consumes",
		Why:  "the broker came back from a backup, or is a new one: consuming a queue that isn't there fails for ever",
		Read: "01-basics/README.md#reconnect",
	})
	s.mustReserve(call, "order-1", "the queue was deleted while the consumer was disconnected")
}

func TestEverySessionLimitsWhatIsSentAhead(t *testing.T) {
	s := newScene(t)
	s.prefetch = 2
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, "order-1", "order-2", "order-3", "order-4", "order-5", "order-6")
	s.hold("order-1")
	s.run()
	s.lab.Await("a running handle", func() bool { return s.begun("order-1") == 1 })
	limit := func(session string) {
		s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) <= 4 }) && s.lab.Depth(queue) == 4, lab.Claim{
			Saw: fmt.Sprintf("%d of 6 orders are in the queue while the %s session handles order-1",
				s.lab.Depth(queue), session),
			Want: "4: prefetch = 2 have been sent ahead, by each session's own qos",
			Why:  "after the first hiccup of the network one process holds the whole queue in its memory",
			Read: "01-basics/README.md#prefetch",
		})
	}
	limit("first")

	s.lab.Tap.CutAll()
	s.lab.Await("all orders back in the queue", func() bool {
		return s.lab.Consumers(queue) == 0 && s.lab.Depth(queue) == 6
	})
	s.let("order-1")

	s.lab.Await("a second session", func() bool { return s.begun("order-1") == 2 })
	limit("second")
}

func TestLostSessionIsClosed(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()

	for i := 1; i <= 3; i++ {
		s.closeChannel(i)
		s.mustReserve(call, fmt.Sprintf("order-%d", i), fmt.Sprintf("the broker closed the channel (406) %s", times(i)))
	}

	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Connections()) <= 1 }), lab.Claim{
		Saw:  fmt.Sprintf("3 sessions were lost to a closed channel, and %d connections are open", len(s.lab.Connections())),
		Want: "one: a lost session closes its connection before the next begins",
		Why:  "a mistake that closes a channel once a minute uses up the broker's connections in a day",
		Read: "01-basics/README.md#reconnect",
	})
}

func TestCutDuringAHandleIsNoEnd(t *testing.T) {
	s := newScene(t)
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, "order-1")
	s.hold("order-1")
	call := s.run()
	s.lab.Await("a running handle", func() bool { return s.begun("order-1") == 1 })

	s.lab.Tap.CutAll()
	if s.upTo(2000, func() bool { return s.tries() > 1 }) { // too early: then wait for what comes of it
		s.lab.Soon(func() bool { return s.begun("order-1") == 2 })
	}
	s.lab.Check(s.begun("order-1") == 1, lab.Claim{
		Saw:  "the connection was cut while the handle of order-1 ran; order-1 came again, and a second handle of it began",
		Want: "the running handle may finish before the next session begins",
		Why:  "the same stock is reserved by two handles at the same time",
		Read: "01-basics/README.md#reconnect",
	})
	s.letAll()

	again := s.lab.Soon(func() bool { return !call.Running() || s.done("order-1") == 2 })
	s.lab.Check(again && call.Running(), lab.Claim{
		Saw: "the connection was cut while a handle ran, and when the handle returned order-1 did not come again" +
			ended(call),
		Want: "the session is lost: a new one, in which order-1 comes again",
		Why: "a NotifyClose channel that is closed without an error looks like a wanted end; the process exits with " +
			"status 0, and nothing restarts it",
		Read: "01-basics/README.md#reconnect",
	})
}

func TestLateAnswerTouchesNoOtherMessage(t *testing.T) {
	s := newScene(t)
	s.prefetch = 2
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, "order-1", "order-2", "order-3")
	s.hold("order-2", "order-3")
	s.run()
	s.lab.Await("a running handle of order-2", func() bool { return s.begun("order-2") == 1 })
	s.lab.WaitFor(tap.Filter{Method: "basic.deliver", Where: isOrder("order-3")}, 1)

	// order-2 was tag 2. If there is a new session while its handle still runs, order-3 is tag 2 there.
	s.lab.Tap.CutAll()
	if s.upTo(2000, func() bool { return s.tries() > 1 }) {
		s.lab.Soon(func() bool {
			return s.lab.Tap.Recording().Count(tap.Filter{Method: "basic.deliver", Where: isOrder("order-3")}) > 1
		})
	}
	s.let("order-2")
	s.lab.Check(s.lab.Soon(func() bool { return s.begun("order-2") == 2 || s.begun("order-3") > 0 }), lab.Claim{
		Saw:  "the connection was cut while the handle of order-2 ran, and nothing came again",
		Want: "order-2 and order-3 come again",
	})
	s.let("order-2") // its ack comes after everything that was said on the new channel before
	s.lab.Expect(tap.Filter{From: tap.Client, Method: "basic.ack"}, 2, lab.Claim{
		Saw: "order-2 was handled again, and is not acked", Want: "an ack in the new session",
	})
	s.awhile()

	stolen, by := s.ackWithoutHandle()
	s.lab.Check(stolen == "", lab.Claim{
		Saw: fmt.Sprintf("%s was acked, and its handle has not returned: the late answer to order-2, sent on the new "+
			"channel, where its tag belongs to %[1]s", stolen),
		Want: "an answer goes to the channel that its message came from, or nowhere",
		Why:  "an order that nobody handled is gone for ever; no error anywhere",
		Wire: s.lab.Wire(by...),
		Read: "01-basics/README.md#reconnect",
	})
}

func isOrder(order string) func(tap.Event) bool {
	return func(e tap.Event) bool { return string(e.Body) == order }
}

// ackWithoutHandle returns the first order that was acked between its delivery and the end of a handle of it, and the
// events that show it; "" if there is none.
func (s *scene) ackWithoutHandle() (order string, convicting []tap.Event) {
	type place struct {
		conn    int
		channel uint16
		tag     uint64
	}
	sent := make(map[place]tap.Event)
	handled := make(map[string]bool) // since the order's last delivery
	for _, e := range s.lab.Tap.Recording().All() {
		switch m := e.Method.(type) {
		case *wire.BasicDeliver:
			sent[place{e.Conn, e.Channel, m.DeliveryTag}] = e
			handled[string(e.Body)] = false
		case *wire.BasicAck:
			delivery := sent[place{e.Conn, e.Channel, m.DeliveryTag}]
			if body := string(delivery.Body); e.From == tap.Client && !handled[body] {
				return body, []tap.Event{delivery, e}
			}
		case nil:
			for _, order := range []string{"order-1", "order-2", "order-3"} {
				if e.Text == fmt.Sprintf("handle of %q returns", order) {
					handled[order] = true
				}
			}
		}
	}
	return "", nil
}

func TestOneMessageAfterAnother(t *testing.T) {
	s := newScene(t)
	s.prefetch = 3
	s.lab.Declare(queue, nil)
	s.lab.Publish(queue, "order-1", "order-2", "order-3")
	s.hold("order-1")
	s.run()
	s.lab.Await("a running handle", func() bool { return s.begun("order-1") == 1 })
	s.lab.WaitFor(tap.Filter{Method: "basic.deliver", Where: isOrder("order-3")}, 1)

	others := s.upTo(1000, func() bool { return s.begun("order-2")+s.begun("order-3") > 0 })
	s.lab.Check(!others, lab.Claim{
		Saw:  "while the handle of order-1 runs, others have begun",
		Want: "one message after another, in the order of the queue",
		Why:  "two reservations of the last item on the shelf at the same time; Handle was not written for that",
		Read: "01-basics/README.md#reconnect",
	})
}

func TestTwoProcessesShareAQueue(t *testing.T) {
	s := newScene(t)
	s.run()
	s.consuming()

	second := s.run()

	came := s.lab.Soon(func() bool { return s.lab.Consumers(queue) == 2 || !second.Running() })
	s.lab.Check(came && second.Running(), lab.Claim{
		Saw:  "one process consumes the queue; a second one was started" + ended(second),
		Want: "both consume",
		Why:  "a deployment starts the new process before it stops the old one, and the new one can't consume",
		Read: "01-basics/README.md#reconnect",
	})
}

func TestFailedMessageComesAgain(t *testing.T) {
	s := newScene(t)
	s.fail = "order-1"
	s.run()
	s.consuming()

	s.lab.Publish(queue, "order-1")

	s.lab.Check(s.lab.Soon(func() bool { return s.done("order-1") == 1 }), lab.Claim{
		Saw:  fmt.Sprintf("the handle of order-1 returned an error; it ran %s", times(s.begun("order-1"))),
		Want: "the message goes back and comes again",
		Why:  "a shelf that is locked for a minute loses an order for ever",
		Read: "01-basics/README.md#ack",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue)+s.lab.Unacked(queue) == 0 }), lab.Claim{
		Saw: "order-1 was handled the second time, and is not acked", Want: "nothing is left in the queue",
	})
}

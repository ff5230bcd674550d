package partition_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// works begins a call of Work for n partitions, on a connection of its own, and returns when RabbitMQ knows it.
func (s *stage) works(d *desk, name string, n int) (*lab.Call, *amqp.Connection) {
	conn := s.lab.Dial()
	consumers := func() int {
		return s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"})
	}
	before := consumers()
	call := d.work(name, conn, n)
	s.lab.Soon(func() bool { return consumers() >= before+n || !call.Running() })
	claim := lab.Claim{
		Saw:  fmt.Sprintf("process %s was to work on %d partitions: it consumes %d", name, n, consumers()-before),
		Want: "it consumes all of them at once, or stands by for them, until ctx ends",
		Why:  "what is in the others is handled by nobody; or a machine dies, and nobody takes its partitions over",
		Wire: s.story(),
		Read: read,
	}
	if !call.Running() {
		claim.Saw += fmt.Sprintf(", and Work returned: %v", call.Wait())
	}
	s.lab.Check(call.Running() && consumers() >= before+n, claim)
	s.lab.Fence(conn)
	return call, conn
}

func TestBlockedPartitionHoldsUpNoOther(t *testing.T) {
	s := newShop(t, 3)
	d := newDesk(s)
	slow, quick := messages("order-1", 20), messages("order-2", 5)
	s.lab.Publish(partition.Queue(0), slow...)
	s.lab.Publish(partition.Queue(2), quick...)
	d.hold(slow[0])

	call, conn := s.works(d, "a", 3)

	s.lab.Soon(func() bool { return len(d.hasBegun("", slow[0])) > 0 || !call.Running() })
	claim := lab.Claim{
		Want: "partition 2 goes on: its handles don't wait for those of partition 0",
		Why:  "one customer's order waits for a payment provider, and nothing of a third of the shop's orders is packed",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Soon(func() bool { return len(d.hasEnded("", "order-2")) == len(quick) })
	claim.Saw = fmt.Sprintf("the handle of %s hangs, in partition 0; of 5 messages in partition 2 are handled: %q",
		slow[0], d.hasEnded("", "order-2"))
	s.lab.Check(len(d.hasEnded("", "order-2")) == len(quick), claim)

	s.lab.Settle()
	s.lab.Check(len(d.hasBegun("", "order-1")) == 1, lab.Claim{
		Saw:  fmt.Sprintf("the handle of %s runs; of its partition have begun: %q", slow[0], d.hasBegun("", "order-1")),
		Want: "one after another: the next begins when this one has ended",
		Why:  "the order is packed while its payment is still being asked for",
		Wire: s.story(),
		Read: read,
	})
	ahead := s.lab.Unacked(partition.Queue(0))
	s.lab.Check(ahead >= 1 && ahead <= 10, lab.Claim{
		Saw:  fmt.Sprintf("20 messages are in partition 0, the handle of the first runs, and %d were sent and have no ack", ahead),
		Want: "one at least, since it is being handled, and ten at most",
		Why: "without a limit the whole partition is sent at once, however much waits there: the worker's memory is full; and what is " +
			"acked before it is handled dies with the worker",
		Wire: s.story(),
		Read: read,
	})
	d.let(slow[0])
	s.lab.Soon(func() bool { return len(d.hasEnded("", "order-1")) == len(slow) })
	s.lab.Check(slices.Equal(d.hasEnded("", "order-1"), slow), lab.Claim{
		Saw:  fmt.Sprintf("handled were, in this order: %q", d.hasEnded("", "order-1")),
		Want: "all 20, in their order",
		Wire: s.story(),
		Read: read,
	})
	s.stops(call, conn)
	for i, left := range s.contents(3) {
		s.lab.Check(len(left) == 0, lab.Claim{
			Saw:  fmt.Sprintf("all messages were handled, Work has ended, and partition %d has %d", i, len(left)),
			Want: "none: what was handled is acked",
			Why:  "each restart does all the work again",
			Wire: s.story(),
			Read: read,
		})
	}
}

// There is one partition, so all orders share it.
func TestOrdersOfAPartitionTakeTurns(t *testing.T) {
	s := newShop(t, 1)
	d := newDesk(s)
	all := mixed(orderIDs(3), 2)
	s.publish(all...)
	d.hold(all[0])

	call, conn := s.works(d, "a", 1)

	s.lab.Soon(func() bool { return len(d.hasBegun("", all[0])) > 0 || !call.Running() })
	s.quiet(conn)
	claim := lab.Claim{
		Want: "inside a partition one after another, whatever the key",
		Why:  "n is how many are busy at once, so that the warehouse bears it; now it is as many as there are orders",
		Wire: s.story(),
		Read: read,
	}
	claim.Saw = fmt.Sprintf("there is one partition, the handle of %s runs; have begun: %q", all[0], d.hasBegun("", ""))
	s.lab.Check(slices.Equal(d.hasBegun("", ""), all[:1]), claim)
	d.let(all[0])
	s.lab.Soon(func() bool { return len(d.hasEnded("", "")) == len(all) })
	claim.Saw = fmt.Sprintf("there is one partition, and handled were, in this order: %q", d.hasEnded("", ""))
	s.lab.Check(slices.Equal(d.hasEnded("", ""), all), claim)
	s.stops(call, conn)
}

// stops ends a call of Work that has nothing to do.
func (s *stage) stops(call *lab.Call, conn *amqp.Connection) {
	slow := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "channel.close"}}})
	call.Stop()
	s.lab.Soon(func() bool { return slow.Struck() > 0 || !call.Running() })
	s.lab.Settle()
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "ctx ended, RabbitMQ has not closed Work's channels yet, and Work returned",
		Want: "when it returns they are closed",
		Why:  "the caller works again at once: its partitions are still this consumer's, which handles nothing any more",
		Wire: s.story(),
		Read: read,
	})
	slow.Remove()
	err := call.WaitOr(lab.Claim{
		Saw: "ctx ended, no handle runs, and Work does not return", Want: "nil, at once", Wire: s.story(), Read: read,
	})
	s.lab.NoError(err, lab.Claim{Want: "nil: to be stopped is no error", Wire: s.story(), Read: read})
	s.nothingStaysOpen(conn, "Work returned")
}

func TestOneProcessAPartition(t *testing.T) {
	s := newShop(t, 2)
	d := newDesk(s)
	slow, quick := messages("order-1", 24), messages("order-2", 24)
	a, connA := s.works(d, "a", 2)
	b, connB := s.works(d, "b", 2)
	d.hold(slow[0])
	for i := range slow {
		s.lab.Publish(partition.Queue(0), slow[i])
		s.lab.Publish(partition.Queue(1), quick[i])
	}

	s.lab.Soon(func() bool { return len(d.hasBegun("", slow[0])) > 0 && len(d.hasEnded("", "order-2")) >= len(quick) })
	s.lab.Settle()

	begun := d.hasBegun("", "order-1")
	claim := lab.Claim{
		Want: "one process handles a partition, and the others stand by",
		Why:  "order-1 is cancelled in one process while the other one still packs it",
		Wire: s.story(),
		Read: "05-ordering/README.md#single",
	}
	claim.Saw = fmt.Sprintf("two processes work, the handle of %s runs; of its partition have begun: %q", slow[0], begun)
	s.lab.Check(slices.Equal(begun, slow[:1]), claim)
	claim.Saw = fmt.Sprintf("two processes work, and of partition 1 were handled, in this order: %q", d.hasEnded("", "order-2"))
	s.lab.Check(slices.Equal(d.hasEnded("", "order-2"), quick), claim)
	d.let(slow[0])
	s.lab.Soon(func() bool { return len(d.hasEnded("", "order-1")) >= len(slow) })
	claim.Saw = fmt.Sprintf("two processes work, and of partition 0 were handled, in this order: %q", d.hasEnded("", "order-1"))
	s.lab.Check(slices.Equal(d.hasEnded("", "order-1"), slow), claim)
	s.stops(b, connB)
	s.stops(a, connA)
}

func TestStopGivesPartitionsUpInOrder(t *testing.T) {
	s := newShop(t, 2)
	d := newDesk(s)
	slow := messages("order-1", 14) // more than RabbitMQ sends ahead
	a, connA := s.works(d, "a", 2)
	b, connB := s.works(d, "b", 2)
	d.hold(slow[0])
	s.lab.Publish(partition.Queue(0), slow...)
	s.lab.Await("a running handle", func() bool { return len(d.hasBegun("", slow[0])) > 0 })
	s.lab.Settle()

	a.Stop()
	s.lab.Settle()
	s.lab.Publish(partition.Queue(1), "order-2.01")

	s.lab.Soon(func() bool { return len(d.hasEnded("b", "order-2")) > 0 })
	s.lab.Check(len(d.hasEnded("b", "order-2")) > 0, lab.Claim{
		Saw: fmt.Sprintf("process a was stopped while it handled %s in partition 0; order-2.01 came into partition 1, "+
			"and process b gets nothing", slow[0]),
		Want: "partition 1 was given up at once: nothing of it was running",
		Why:  "one slow handle, and at each deployment the whole shop stands still until it is done",
		Wire: s.story(),
		Read: read,
	})
	s.quiet(connA)
	s.lab.Publish(partition.Queue(1), "order-2.02") // what b was sent before it has begun by then
	s.lab.Soon(func() bool { return len(d.hasEnded("b", "order-2")) > 1 })
	s.quiet(connB)
	claim := lab.Claim{
		Want: "partition 0 is given up when its running handle has ended and is acked",
		Why:  "two processes have the same order in hand, at each deployment",
		Wire: s.story(),
		Read: "05-ordering/README.md#single",
	}
	claim.Saw = fmt.Sprintf("process a was stopped while its handle of %s runs; process b has begun %q",
		slow[0], d.hasBegun("b", "order-1"))
	s.lab.Check(len(d.hasBegun("b", "order-1")) == 0, claim)
	claim.Saw = fmt.Sprintf("process a was stopped while its handle of %s runs, and Work returned", slow[0])
	s.lab.Check(a.Running(), claim)
	d.let(slow[0])
	s.lab.NoError(a.Wait(), lab.Claim{Want: "nil: to be stopped is no error", Wire: s.story(), Read: read})
	s.lab.Check(len(d.brokenOff()) == 0, lab.Claim{
		Saw:  fmt.Sprintf("process a was stopped, and with it the context of the handle of %s", slow[0]),
		Want: "a running handle may finish: its context does not end with ctx",
		Why:  "its call to the warehouse is broken off half-way: is the order packed or not?",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Soon(func() bool { return len(d.hasEnded("", "order-1")) >= len(slow) })
	s.lab.Check(slices.Equal(d.hasEnded("", "order-1"), slow) && len(d.hasBegun("a", "")) == 1, lab.Claim{
		Saw: fmt.Sprintf("process a was stopped while it handled %s. It has begun %q, process b has begun %q",
			slow[0], d.hasBegun("a", ""), d.hasBegun("b", "order-1")),
		Want: "a handles the one that was running and nothing more, b all others, in their order",
		Why:  "what was acked and comes again is done twice; what is begun while the process ends is broken off",
		Wire: s.story(),
		Read: read,
	})
	s.nothingStaysOpen(connA, "Work returned")
	s.stops(b, connB)
}

func TestStopBeginsNothingMore(t *testing.T) {
	// select takes one of two at random: of 12 loops that don't look again, all would have to be lucky.
	const n = 12
	s := newShop(t, n)
	d := newDesk(s)
	for i := range n {
		bodies := messages(fmt.Sprintf("order-%02d", i+1), 2)
		s.lab.Publish(partition.Queue(i), bodies...)
		d.hold(bodies[0])
	}
	call, conn := s.works(d, "a", n)
	s.lab.Await("a running handle in each partition", func() bool { return len(d.hasBegun("", "order-")) == n })
	s.quiet(conn)

	call.Stop()
	s.lab.Settle()
	running := d.hasBegun("", "order-")
	for _, body := range running {
		d.let(body)
	}

	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: to be stopped is no error", Wire: s.story(), Read: read})
	s.lab.Check(len(d.hasBegun("", "order-")) == n, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended while %d handles ran; after that began %q", n, d.hasBegun("", "order-")[n:]),
		Want: "nothing more begins",
		Why: "a stopping process has seconds, and each message that it begins may be one too many: it is killed in the middle of " +
			"something",
		Wire: s.story(),
		Read: "01-basics/README.md#select",
	})
}

func TestFailedHandleIsNotPassedBy(t *testing.T) {
	t.Run("while Work goes on", func(t *testing.T) { failedHandle(t, false, "a handle returned an error") })
	t.Run("after ctx has ended", func(t *testing.T) { failedHandle(t, true, "ctx ended, then a handle returned an error") })
}

func failedHandle(t *testing.T, stopped bool, what string) {
	s := newShop(t, 2)
	d := newDesk(s)
	bad, other := messages("order-1", 3), messages("order-2", 2)
	d.hold(bad[0], other[0])
	d.fail(bad[0])
	s.lab.Publish(partition.Queue(0), bad...)
	s.lab.Publish(partition.Queue(1), other...)
	call, conn := s.works(d, "a", 2)
	s.lab.Await("two running handles", func() bool { return len(d.hasBegun("", "order-")) == 2 })

	if stopped {
		call.Stop()
		s.lab.Settle()
	}
	d.let(bad[0])
	s.quiet(conn)
	claim := lab.Claim{Wire: s.story(), Read: read}
	claim.Saw = fmt.Sprintf("the handle of %s returned an error; of its partition have begun: %q", bad[0], d.hasBegun("", "order-1"))
	claim.Want = "nothing behind it begins, and it doesn't begin again: Work ends"
	claim.Why = "the order's payment failed, and the order is packed: what comes after it in its partition relies on it"
	s.lab.Check(slices.Equal(d.hasBegun("", "order-1"), bad[:1]), claim)
	claim.Saw = fmt.Sprintf("the handle of %s returned an error, and Work returned while the one of %s runs", bad[0], other[0])
	claim.Want = "Work returns when nothing runs any more"
	claim.Why = "the process ends with main: the other order is broken off half-way"
	s.lab.Check(call.Running(), claim)
	d.let(other[0])

	err := call.WaitOr(lab.Claim{
		Saw:  fmt.Sprintf("the handle of %s returned an error, and Work goes on with the other partition", bad[0]),
		Want: "Work stops all partitions, and returns the error",
		Why:  "a partition stands still, for as long as this process lives: nobody hears of it, and no other process takes it over",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Error(err, lab.Claim{
		Saw: what + ", and Work returned nil", Want: "that error", Wire: s.story(), Read: read,
	})
	s.lab.Check(errors.Is(err, errWarehouse), lab.Claim{
		Saw:  fmt.Sprintf("a handle returned %q, and Work: %v", errWarehouse, err),
		Want: "an error that wraps it",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Check(len(d.brokenOff()) == 0, lab.Claim{
		Saw:  fmt.Sprintf("the handle of %s failed, and ended were the contexts of those of %q", bad[0], d.brokenOff()),
		Want: "a running handle may finish, also when one of another partition has failed",
		Why:  "one order's payment fails, and every other partition's call to the warehouse is broken off half-way",
		Wire: s.story(),
		Read: read,
	})
	s.nothingStaysOpen(conn, "Work returned an error")
	var left [2][]string
	for i, messages := range s.contents(2) {
		for _, d := range messages {
			left[i] = append(left[i], string(d.Body))
		}
	}
	s.lab.Check(slices.Equal(left[0], bad) && slices.Equal(left[1], other[1:]), lab.Claim{
		Saw:  fmt.Sprintf("%s failed and %s was handled; the partitions have %q and %q now", bad[0], other[0], left[0], left[1]),
		Want: fmt.Sprintf("%q and %q", bad, other[1:]),
		Why:  "what failed is gone, or comes behind what is newer; or what began while the process ended was broken off",
		Wire: s.story(),
		Read: read,
	})
}

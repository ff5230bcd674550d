package direct_test

import (
	"fmt"
	"slices"
	"testing"

	"warren.example/02-exchanges/2-direct"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestPriorityDoesNotWaitForStandard(t *testing.T) {
	s := newStage(t)
	s.goesOn(express, direct.Priority, shelves, direct.Standard)
}

func TestStandardIsNotStarved(t *testing.T) {
	s := newStage(t)
	s.goesOn(shelves, direct.Standard, express, direct.Priority)
}

// goesOn claims that the handler of a queue works while that of another one is busy.
func (s *stage) goesOn(queue string, kind direct.Kind, busy string, busyKind direct.Kind) {
	s.fill(busy, busyKind, "order-1", "order-2", "order-3")
	s.lab.Declare(queue, nil)
	p := s.pickers()
	s.block(p, busy)
	call := s.work(p, busy, queue)
	s.begins(p, busy, 1)

	s.fill(queue, kind, "order-6", "order-7")

	s.lab.Check(s.lab.Soon(func() bool { return len(p.hasFinished(queue)) == 2 || !call.Running() }), lab.Claim{
		Saw: fmt.Sprintf("the handler of %s is busy with order-1; order-6 and order-7 wait in %s, and of these were picked: %v",
			busy, queue, p.hasFinished(queue)),
		Want: "queues don't wait for each other: order-6 and order-7 are picked while order-1 is not",
		Why:  "the customer paid for today, and the parcel waits behind a pallet of garden chairs; or the other way round, for ever",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
}

func TestOneOrderAtATimeFromEachQueue(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1", "order-2", "order-3")
	p := s.pickers()
	letGo := s.block(p, shelves)
	s.work(p, shelves)
	s.begins(p, shelves, 1)

	second := s.pickers()
	help := s.workOn(s.lab.Dial(), "Work of a second process", second, shelves)

	s.lab.Soon(func() bool { return len(second.hasFinished(shelves)) == 2 || !help.Running() })
	if !help.Running() {
		s.lab.Fail(lab.Claim{
			Saw:  fmt.Sprintf("one process is busy with order-1, a second one came to help, and its Work returned: %v", help.Wait()),
			Want: "the queue is open to everybody: what one process was not sent another one picks",
			Why:  "on the day before Christmas nobody can help",
			Wire: s.story(),
			Read: "02-exchanges/README.md#direct",
		})
	}
	s.lab.Check(len(second.hasFinished(shelves)) == 2, lab.Claim{
		Saw: fmt.Sprintf("one process is busy with order-1, a second one came to help, and has picked %v",
			second.hasFinished(shelves)),
		Want: "order-2 and order-3: the first process was sent one order, and the rest stays in the queue",
		Why:  "one picker sits on all the orders of the morning, and those who came to help have nothing to do",
		Wire: s.story(),
		Read: "01-basics/README.md#prefetch",
	})
	letGo()
	s.lab.Check(s.lab.Soon(func() bool { return len(p.hasFinished(shelves)) == 1 }), lab.Claim{
		Saw: "order-1 was picked, and its handler has not returned", Want: "it has",
	})
}

func TestOrdersAreHandledInTurn(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1", "order-2", "order-3")
	p := s.pickers()
	letGo := s.block(p, shelves)
	s.work(p, shelves)
	s.begins(p, shelves, 1)

	s.awhile()

	p.mu.Lock()
	most := p.most[shelves]
	p.mu.Unlock()
	s.lab.Check(most == 1, lab.Claim{
		Saw:  fmt.Sprintf("3 orders wait in %s, and %d of them are handled at once", shelves, most),
		Want: "one order at a time from each queue",
		Why:  "there is one picker at these shelves: two orders end in one parcel",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
	letGo()
	s.begins(p, shelves, 3)
	s.lab.Check(slices.Equal(p.hasBegun(shelves), []string{"order-1", "order-2", "order-3"}), lab.Claim{
		Saw: fmt.Sprintf("the orders were begun as %v", p.hasBegun(shelves)), Want: "order-1, order-2, order-3: as they came",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Unacked(shelves) == 0 && s.lab.Depth(shelves) == 0 }), lab.Claim{
		Saw:  fmt.Sprintf("3 handlers returned nil, and %d orders have no answer", s.lab.Unacked(shelves)),
		Want: "an order that was picked is acked",
		Why:  "after the next restart it is picked again",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	})
}

func TestCrashLosesNoOrder(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1")
	p := s.pickers()
	s.block(p, shelves)
	s.work(p, shelves)
	s.begins(p, shelves, 1)

	s.lab.Crash()

	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(shelves) == 1 }), lab.Claim{
		Saw:  "the process died while order-1 was being picked, and order-1 is gone",
		Want: "it is in the queue again: it leaves when its handler has returned nil",
		Why:  "a customer has paid, and nobody knows of the order any more",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	})
}

func TestFailedOrderComesAgain(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard, "order-1", "order-2")
	p := s.pickers()
	p.fails["order-1"] = true
	call := s.work(p, shelves)

	came := s.lab.Soon(func() bool { return len(p.hasFinished(shelves)) == 3 || !call.Running() })

	begun := p.hasBegun(shelves)
	s.lab.Check(came && call.Running(), lab.Claim{
		Saw:  fmt.Sprintf("the handler of order-1 failed; begun were %v, and Work runs on: %t", begun, call.Running()),
		Want: "an order that failed goes back to its queue and is handled again, and Work goes on",
		Why:  "the shelf was empty for a minute: every order of that minute is lost, or nothing is picked any more",
		Wire: s.story(),
		Read: "01-basics/README.md#ack",
	})
}

func TestMalformedMessageIsDropped(t *testing.T) {
	s := newStage(t)
	s.lab.Declare(shelves, nil)
	s.lab.Publish(shelves, "two teapots, please")
	s.fill(shelves, direct.Standard, "order-2")
	p := s.pickers()
	call := s.work(p, shelves)

	again := tap.Filter{From: tap.Broker, Method: "basic.deliver", Where: func(e tap.Event) bool {
		return e.Method.(*wire.BasicDeliver).Redelivered
	}}
	s.lab.Soon(func() bool {
		return slices.Contains(p.hasFinished(shelves), "order-2") || !call.Running() || s.lab.Tap.Recording().Count(again) > 0
	})

	s.lab.Check(s.lab.Tap.Recording().Count(again) == 0, lab.Claim{
		Saw:  "a message that is no order went back to its queue, and came again",
		Want: "it is dropped: it will be as wrong the next time",
		Why:  "it comes again thousands of times in a second, for ever, and nothing behind it is picked",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
	begun := p.hasBegun(shelves)
	s.lab.Check(slices.Equal(begun, []string{"order-2"}) && call.Running(), lab.Claim{
		Saw: fmt.Sprintf("a message that is no order came before order-2; handlers were called for %q, and Work runs on: %t",
			begun, call.Running()),
		Want: "what is no Order is dropped, and order-2 is picked",
		Why:  "one wrong message, sent by hand, stops the warehouse: each process that starts again meets it first",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Unacked(shelves) == 0 && s.lab.Depth(shelves) == 0 }), lab.Claim{
		Saw:  "a message that is no order was skipped, and waits for an answer",
		Want: "it is rejected, and not given back",
		Wire: s.story(),
	})
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard)
	p := s.pickers()

	call := s.work(p, shelves, "warehouse.expres") // a slip of the keyboard

	claim := lab.Claim{
		Want: "an error: Work makes no queues",
		Why:  "the program waits at a queue that nothing ever comes into, and the urgent orders wait where nobody looks",
		Wire: s.story(),
		Read: "02-exchanges/README.md#direct",
	}
	claim.Saw = "one of the queues isn't there, and Work runs on"
	s.lab.Check(s.lab.Soon(func() bool { return !call.Running() }), claim)
	s.names(call.Wait(), "warehouse.expres", "one of the queues isn't there", claim)
}

func TestDeletedQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard)
	s.fill(express, direct.Priority)
	p := s.pickers()
	call := s.work(p, shelves, express)
	s.consumes(2)

	s.lab.DeleteQueue(express)

	claim := lab.Claim{
		Want: "an error that names the queue, though the other one is fine",
		Why:  "standard orders are picked, so all looks well; the urgent ones wait until somebody restarts the program",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	}
	claim.Saw = express + " was deleted, and Work runs on"
	s.lab.Check(s.lab.Soon(func() bool { return !call.Running() }), claim)
	s.names(call.Wait(), express, express+" was deleted", claim)
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.fill(shelves, direct.Standard)
	s.fill(express, direct.Priority)
	call := s.work(s.pickers(), shelves, express)
	s.consumes(2)

	s.lab.Tap.CutAll()

	claim := lab.Claim{
		Want: "an error, so that the caller dials and calls Work again",
		Why:  "nil means that somebody asked to stop: the program exits quietly, and nobody starts it again",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	}
	claim.Saw = "the connection was cut, and Work runs on"
	s.lab.Check(s.lab.Soon(func() bool { return !call.Running() }), claim)
	claim.Saw = "the connection was cut, and Work returned nil"
	s.lab.Error(call.Wait(), claim)
}

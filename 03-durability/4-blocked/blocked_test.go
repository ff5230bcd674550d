package blocked_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/4-blocked"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func isBlocked(err error) bool { return errors.Is(err, blocked.ErrBlocked) }

func TestBlockedIsRefusedAtOnce(t *testing.T) {
	s := newStage(t)
	s.block(1)

	s.mustBe(s.send("order-1"), isBlocked, lab.Claim{
		Saw:  "RabbitMQ said that it blocks; then Publish was called",
		Want: "ErrBlocked, at once",
		Why:  "RabbitMQ has no memory left: each request of the shop that waits for it costs a goroutine and a customer's patience",
	})

	s.lab.Fence(s.conn)
	s.lab.Check(len(s.sent()) == 0, lab.Claim{
		Saw:  "RabbitMQ said that it blocks, Publish was called, and the message was sent",
		Want: "nothing is sent while RabbitMQ blocks",
		Why:  "it lies in a buffer on the way, and is stored when the blocking ends: the order that the customer was told to repeat",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

func TestRefusedIsNotSentLater(t *testing.T) {
	s := newStage(t)
	s.block(1)
	s.mustBe(s.send("order-1"), isBlocked, lab.Claim{
		Saw: "RabbitMQ said that it blocks; then Publish was called", Want: "ErrBlocked, at once",
		Why: "nil means that RabbitMQ has it. What is kept for later is in this process only: memory fills, and a restart loses it",
	})

	s.unblock(2)
	s.mustBe(s.send("order-2"), isNil, lab.Claim{
		Saw: "RabbitMQ blocked, and said that it doesn't any more", Want: "nil: messages are sent again",
		Why: "the shop refuses orders until somebody restarts it",
	})

	s.lab.Fence(s.conn)
	s.lab.Check(slices.Equal(s.sent(), []string{"order-2"}), lab.Claim{
		Saw:  fmt.Sprintf("order-1 was refused while RabbitMQ blocked; when that had ended these were sent: %q", s.sent()),
		Want: "order-2 only",
		Why:  "the customer was told to repeat the order, and gets two parcels",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

func TestBlockingTwiceIsHeardTwice(t *testing.T) {
	s := newStage(t)
	for round := range 3 {
		s.block(2*round + 1)
		s.mustBe(s.send(fmt.Sprint("refused-", round)), isBlocked, lab.Claim{
			Saw: fmt.Sprintf("RabbitMQ blocks for the time number %d", round+1), Want: "ErrBlocked",
			Why: "the next shortage finds a shop that believes in the last one's end",
		})
		s.unblock(2*round + 2)
		body := fmt.Sprint("order-", round)
		s.mustBe(s.send(body), isNil, lab.Claim{
			Saw: fmt.Sprintf("RabbitMQ ended its blocking number %d", round+1), Want: "nil",
			Why: "the shop refuses orders until somebody restarts it",
		})
		s.lab.Check(string(s.lab.Get(queue).Body) == body, lab.Claim{Saw: "another message is in the queue", Want: body})
	}
}

func TestBlockedIsNoEnd(t *testing.T) {
	s := newStage(t)
	s.block(1)
	s.unblock(2)

	s.mustBe(s.send("order-1"), isNil, lab.Claim{
		Saw: "RabbitMQ blocked, and said that it doesn't any more", Want: "nil, on the same connection and channel",
		Why: "a hundred processes that connect again take the last memory of a broker that has none left",
	})

	opened := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "confirm.select"})
	s.lab.Check(len(opened) == 1 && len(s.lab.Connections()) == 0, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ blocked and unblocked; %d channels were opened to publish", len(opened)),
		Want: "one: to be blocked is no error of the connection",
		Why:  "a hundred processes that connect again take the last memory of a broker that has none left",
		Wire: s.lab.Wire(opened...),
		Read: "03-durability/README.md#blocked",
	})
}

func TestBlockingLeavesWhatWasSent(t *testing.T) {
	s := newStage(t)
	held := s.hold()
	sent := s.send("order-1")
	s.mustSend(1)

	s.block(1)
	s.awhile()

	claim := lab.Claim{
		Saw:  "order-1 was sent; then RabbitMQ said that it blocks; its ack came later",
		Want: "nil: Publish waits for the answer to what was sent",
		Why:  "RabbitMQ has the order: who is told that it was refused sends it again",
	}
	held.Remove()
	s.mustBe(sent, isNil, claim)
}

func TestOnBlockedHearsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newQueue(t)
	gate := make(chan struct{})
	s.publisher(t, func(bool) { <-gate })
	s.lab.Tap.Block("low on memory")
	s.delivered()
	s.mustHear(1, true)

	s.lab.Tap.Unblock()
	s.delivered()
	close(gate)
	s.mustHear(2, false)

	heard, most := s.notices.all()
	s.lab.Check(most == 1 && slices.Equal(heard, []bool{true, false}), lab.Claim{
		Saw:  fmt.Sprintf("onBlocked was called with %v, and %d calls ran at the same time", heard, most),
		Want: "true, then false, the second call when the first has returned",
		Why:  "the slower one of two calls wins: the shop's sign says closed, and the shop is open",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

func TestOnBlockedMayPublish(t *testing.T) {
	t.Parallel()
	s := newQueue(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	results := make(chan error, 2)
	s.publisher(t, func(active bool) {
		results <- s.pub.Publish(ctx, queue, amqp.Publishing{Body: fmt.Append(nil, "order-", active)})
	})
	claim := lab.Claim{
		Want: "onBlocked may call Publish, and Publish knows already what onBlocked is told",
		Why:  "to say \"we are full\" or \"open again\" by a message is the first thing that comes to mind, and it stops the process",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	}
	for _, step := range []struct {
		say  func()
		what string
		fits func(error) bool
	}{
		{func() { s.lab.Tap.Block("low on memory") }, "RabbitMQ blocks, and onBlocked called Publish", isBlocked},
		{func() { s.lab.Tap.Unblock() }, "RabbitMQ no longer blocks, and onBlocked called Publish", isNil},
	} {
		step.say()
		claim.Saw = step.what + ", which has not returned"
		s.lab.Check(s.lab.Soon(func() bool { return len(results) == 1 }), claim)
		err := <-results
		claim.Saw = fmt.Sprintf("%s; it returned: %v", step.what, err)
		s.lab.Check(step.fits(err), claim)
	}
}

func TestNoticesWaitForOnBlocked(t *testing.T) {
	t.Parallel()
	s := newQueue(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s.publisher(t, func(active bool) {
		if !active {
			_ = s.pub.Publish(ctx, queue, amqp.Publishing{Body: []byte("open again")})
		}
	})
	held := s.hold()
	s.block(1)
	s.unblock(2)
	s.mustSend(1) // onBlocked waits for the answer

	s.lab.Tap.Block("low on memory")
	held.Remove()

	s.mustHear(3, true)
}

func TestNoticesAreHeardThoughNobodyPublishes(t *testing.T) {
	s := newStage(t)

	s.lab.Tap.Block("low on memory")

	came := s.lab.Soon(func() bool { heard, _ := s.notices.all(); return len(heard) > 0 })
	heard, _ := s.notices.all()
	s.lab.Check(came && heard[0], lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ said that it blocks, and nobody published; onBlocked was called with %v", heard),
		Want: "true",
		Why: "the library has one goroutine that hands out notices and answers: where nobody takes a notice it stops for 5 seconds, " +
			"for all who share the connection, and then throws the notice away",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

func TestNoticesAreHeardAfterClose(t *testing.T) {
	s := newStage(t)
	s.lab.NoError(s.closing().Wait(), lab.Claim{Want: "Close returns nil"})

	s.block(1) // the library still hands notices out: nobody can tell it to stop
	s.unblock(2)
}

func TestOnBlockedMayBeMissing(t *testing.T) {
	t.Parallel()
	s := newQueue(t)
	var err error
	s.lab.NoError(s.lab.Do("NewPublisher", func(context.Context) error {
		s.pub, err = blocked.NewPublisher(s.conn, nil)
		return err
	}), lab.Claim{Want: "a publisher"})
	s.after = s.conn.NotifyBlocked(make(chan amqp.Blocking, 16))
	t.Cleanup(s.hangUp)
	claim := lab.Claim{
		Saw: "onBlocked is nil, and RabbitMQ blocks", Want: "ErrBlocked",
		Why: "the process dies at the first shortage of memory of its broker",
	}

	s.lab.Tap.Block("low on memory")
	s.delivered()
	s.mustBe(s.send("order-1"), isBlocked, claim)
	s.lab.Tap.Unblock()
	s.lab.Fence(s.conn)
}

func TestLostConnectionIsNoNotice(t *testing.T) {
	s := newStage(t)
	s.block(1)
	s.lab.Tap.CutAll()
	s.lost()

	heard, _ := s.notices.all()
	s.lab.Check(len(heard) == 1, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ blocked, and the connection was cut; onBlocked was called %d times", len(heard)),
		Want: "once: what comes from a closed Go channel is no notice",
		Why:  "a loop that doesn't see the end runs as fast as the machine can, and says that all is well",
		Wire: s.wire(),
		Read: "03-durability/README.md#blocked",
	})
}

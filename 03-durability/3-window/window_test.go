package window_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/3-window"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// sendN starts Publish for order-1 to order-n.
func (s *stage) sendN(n int) (all []*sending) {
	for i := range n {
		all = append(all, s.send(fmt.Sprintf("order-%d", i+1)))
	}
	return all
}

func TestMessagesAreUnderWayTogether(t *testing.T) {
	s := newStage(t, 4)
	held := s.hold()

	all := s.sendN(4)

	s.out(all...)
	for _, sent := range all {
		s.lab.Check(sent.Running(), lab.Claim{
			Saw:  fmt.Sprintf("RabbitMQ has not answered %s, and Publish returned %s", sent.body, sent.got()),
			Want: "Publish waits for the answer",
			Why:  "bytes that were written are not a message that was stored: the order is marked as sent, and it is nowhere",
			Wire: s.confirms(),
			Read: "03-durability/README.md#confirm",
		})
	}
	held.Remove()
	for _, sent := range all {
		s.mustBe(sent, window.Stored, lab.Claim{Saw: "four messages were under way, and RabbitMQ acked all"})
	}
	s.lab.Check(s.lab.Depth(queue) == 4, lab.Claim{
		Saw: fmt.Sprintf("four messages were stored, and the queue has %d", s.lab.Depth(queue)), Want: "each once",
	})
}

func TestNeverMoreThanTheWindow(t *testing.T) {
	s := newStage(t, 3)
	first, others := s.hold("order-1"), s.hold("order-2", "order-3", "order-4", "order-5", "order-6", "order-7")
	claim := lab.Claim{
		Want: "never more than window = 3 messages are outstanding; the next is sent when one is answered",
		Why:  "RabbitMQ stops answering for a minute, and every message of that minute sits in this process's memory",
		Read: "03-durability/README.md#window",
	}
	all := []*sending{s.send("order-1")}
	s.out(all...)
	for i := 2; i <= 7; i++ {
		all = append(all, s.send(fmt.Sprintf("order-%d", i)))
	}
	claim.Saw = "none of 7 messages is answered"
	s.mustSend(3, claim)
	s.awhile()
	claim.Saw = fmt.Sprintf("none of 7 messages is answered, and %d are outstanding", len(s.sent()))
	s.lab.Check(len(s.sent()) == 3, claim)

	first.Remove()

	s.mustBe(all[0], window.Stored, lab.Claim{Saw: "RabbitMQ acked order-1"})
	claim.Saw = "one of 7 messages is answered"
	s.mustSend(4, claim)
	s.awhile()
	claim.Saw = fmt.Sprintf("one of 7 messages was answered, and %d are outstanding", len(s.sent())-1)
	s.lab.Check(len(s.sent()) == 4, claim)
	others.Remove()
	for _, sent := range all {
		s.mustBe(sent, window.Stored, lab.Claim{Saw: "RabbitMQ acked all"})
	}
}

func TestEveryAnswerFreesAPlace(t *testing.T) {
	s := newStage(t, 1)
	s.refuse("order-1", "order-2")
	claim := lab.Claim{
		Why: "each nack, and each message that comes back, makes the window one smaller; after a night of a full queue " +
			"nothing is sent any more, and nothing says so",
	}
	for _, step := range []struct {
		body, key string
		want      window.Result
	}{
		{"order-1", queue, window.Refused},
		{"order-2", queue, window.Refused},
		{"order-3", nowhere, window.Returned},
		{"order-4", nowhere, window.Returned},
		{"order-5", queue, window.Stored},
		{"order-6", queue, window.Stored},
	} {
		claim.Saw = fmt.Sprintf("in a window of one, each message was answered before the next; %s is %s", step.body, step.want)
		s.mustBe(s.sendTo(step.key, amqp.Publishing{Body: []byte(step.body)}), step.want, claim)
	}
}

func TestWhatIsNotSentKeepsNoPlace(t *testing.T) {
	s := newStage(t, 1)
	m := amqp.Publishing{Headers: amqp.Table{"size": struct{}{}}, Body: []byte("order-1")} // AMQP knows no such type

	s.mustBeUnknown(s.sendTo(queue, m), lab.Claim{Saw: "a header of order-1 has a type that AMQP doesn't know"})

	s.mustBe(s.send("order-2"), window.Stored, lab.Claim{
		Saw: "in a window of one, order-1 could not be sent: the library refused one of its headers",
		Why: "each message of that kind makes the window one smaller; then nothing is sent any more, and nothing says so",
	})
}

func TestWhoLeavesKeepsItsPlace(t *testing.T) {
	s := newStage(t, 2)
	one, two := s.hold("order-1"), s.hold("order-2")
	first, second := s.send("order-1"), s.send("order-2")
	s.out(first, second)
	first.Stop()
	s.mustBeUnknown(first, lab.Claim{Saw: "ctx of order-1 ended before its answer"})

	third := s.send("order-3")
	s.awhile()

	claim := lab.Claim{
		Saw: fmt.Sprintf("the window is 2; two messages are sent and not answered, the caller of one has left; %d are outstanding now",
			len(s.sent())),
		Want: "a message has its place until it is answered, not until its caller loses patience",
		Why: "RabbitMQ is slow, callers give up after a second, and each makes room for another message that RabbitMQ " +
			"has to take as well: no window at all, when it is needed most",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	}
	s.lab.Check(len(s.sent()) == 2, claim)
	one.Remove()
	claim.Saw = "a caller left, and later its message was answered; another waits for the place"
	claim.Want = "the answer frees the place, though nobody waits for it"
	claim.Why = "each caller that gives up takes a place along for ever; after a bad minute nothing is sent any more"
	s.mustSend(3, claim)
	two.Remove()
	s.mustBe(second, window.Stored, lab.Claim{Saw: "RabbitMQ acked order-2"})
	s.mustBe(third, window.Stored, lab.Claim{Saw: "RabbitMQ acked order-3"})
}

func TestCtxEndsTheWaitForAPlace(t *testing.T) {
	s := newStage(t, 1)
	held := s.hold("order-1")
	first := s.send("order-1")
	s.out(first)
	second := s.send("order-2")
	s.awhile()

	second.Stop()

	err := s.mustBeUnknown(second, lab.Claim{
		Saw: "the window is full, and ctx of order-2 ended",
		Why: "a customer waits for a page that is not going to come",
	})
	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw:  fmt.Sprintf("the window is full, ctx of order-2 ended, and Publish returned: %v", err),
		Want: "an error that wraps ctx's (%w)",
	})
	held.Remove()
	s.mustBe(first, window.Stored, lab.Claim{Saw: "RabbitMQ acked order-1"})
	s.mustBe(s.send("order-3"), window.Stored, lab.Claim{Saw: "there is a place again"})
	s.awhile()
	s.lab.Check(!slices.Contains(s.sent(), "order-2"), lab.Claim{
		Saw:  "ctx of order-2 ended while it waited for a place; Publish returned, and then order-2 was sent",
		Want: "nothing is sent, now or later",
		Why:  "the customer was told to try again, did so, and gets two parcels",
		Wire: s.confirms(),
		Read: "03-durability/README.md#window",
	})
}

func TestNothingIsSentAfterCtxHasEnded(t *testing.T) {
	s := newStage(t, 1)
	ended := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}

	err := s.mustBeUnknown(s.sendAs(queue, amqp.Publishing{Body: []byte("order-7")}, ended),
		lab.Claim{Saw: "there was a place, and ctx had ended before Publish was called"})

	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw: fmt.Sprintf("ctx had ended before Publish was called, and it returned: %v", err), Want: "an error that wraps ctx's (%w)",
	})
	s.awhile()
	s.lab.Check(len(s.sent()) == 0, lab.Claim{
		Saw:  "there was a place, ctx had ended before Publish was called, and order-7 was sent",
		Want: "nothing is sent",
		Why:  "the caller has gone, and work is done that nobody wants",
		Wire: s.confirms(),
	})
}

func TestWindowBelowOneIsRefused(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	conn := l.Dial()
	for _, size := range []int{0, -1} {
		err := l.Do("NewPublisher", func(context.Context) error {
			_, err := window.NewPublisher(conn, size)
			return err
		})
		claim := lab.Claim{
			Saw:  fmt.Sprintf("NewPublisher with a window of %d returned nil", size),
			Want: "an error",
			Why:  "the first message waits for ever for a place",
		}
		l.Error(err, claim)
		l.Fence(conn)
		claim.Saw = fmt.Sprintf("NewPublisher with a window of %d returned an error, and left a channel open", size)
		l.Check(l.OpenChannels(conn) == 0, claim)
	}
}

func TestNoPublisherWithoutConfirms(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	conn := l.Dial()
	held := l.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "confirm.select"}}})
	call := l.Go("NewPublisher", func(context.Context) error {
		_, err := window.NewPublisher(conn, 1)
		return err
	})
	l.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
	l.Tap.CutAll()
	claim := lab.Claim{
		Saw:  "the connection was cut before RabbitMQ had agreed to confirm, and NewPublisher returned nil",
		Want: "an error",
		Why:  "a publisher without confirms says that all is well, whatever becomes of the messages",
		Read: "03-durability/README.md#confirm",
	}
	l.Error(call.WaitOr(claim), claim)
}

package news_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"warren.example/02-exchanges/6-news"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestItWaitsForTheAnswer(t *testing.T) {
	s := newNewsroom(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})

	call := s.publish(recall)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
	s.awhile()

	claim := lab.Claim{
		Want: "Publish waits for RabbitMQ's answer",
		Why:  "until it is there, nobody knows whether the desks will be warned",
		Wire: s.answers(),
		Read: "01-basics/README.md#confirm",
	}
	if !call.Running() {
		claim.Saw = fmt.Sprintf("RabbitMQ has not answered yet, and Publish returned: %v", call.Wait())
		s.lab.Fail(claim)
	}
	held.Remove()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: the answer was slow, and it was an ack"})
}

func TestRefusedIsAnError(t *testing.T) {
	s := newNewsroom(t)
	s.lab.Tap.Add(tap.Refuse{On: publishing(1)})

	err := s.publish(recall).Wait()

	claim := lab.Claim{
		Want: "an error that doesn't wrap ErrNoDesk: there are desks, and RabbitMQ could not store the article",
		Why:  "a recall that nobody gets, and the author believes that all have it, or that nobody wants it",
		Wire: s.answers(),
		Read: read,
	}
	claim.Saw = "RabbitMQ refused the article (basic.nack), and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("RabbitMQ refused the article (basic.nack), and Publish returned: %v", err)
	s.lab.Check(!errors.Is(err, news.ErrNoDesk), claim)
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newNewsroom(t)
	lost := s.lab.Tap.Add(tap.Drop{On: publishing(1)})
	call := s.publish(recall)
	s.lab.Soon(func() bool { return lost.Struck() > 0 || !call.Running() })
	s.awhile()

	s.lab.Tap.CutAll()

	claim := lab.Claim{
		Want: "an error that doesn't wrap ErrNoDesk: whether the desks have the article is unknown",
		Why:  "the author believes that all have the recall, or that nobody wants it",
		Wire: s.answers(),
		Read: read,
	}
	err := call.Wait()
	claim.Saw = "the connection broke before RabbitMQ had the article, and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("the connection broke, and Publish returned: %v", err)
	s.lab.Check(!errors.Is(err, news.ErrNoDesk), claim)
}

// The connection breaks right behind the ack, before Publish has woken up: amqp091-go has closed all its channels by then. On
// one processor it is so each time: the goroutine that was woken last runs first. Hence it doesn't run beside others.
func TestLossBehindTheAckIsNoReturn(t *testing.T) {
	s := stageAlone(t)
	s.mustDeclare("the broker was empty", desks...)
	processors := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(processors)
	s.lab.Tap.Add(tap.Cut{When: tap.After, On: tap.Trigger{Nth: 1, Filter: tap.Filter{From: tap.Broker, Method: "basic.ack"}}})

	err := s.publish(recall).Wait()

	s.lab.Finished(err)
	s.lab.Check(!errors.Is(err, news.ErrNoDesk), lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ acked the article, and then the connection broke; Publish returned: %v", err),
		Want: "nil, or an error that doesn't wrap ErrNoDesk: RabbitMQ gave nothing back",
		Why:  "the author believes that nobody wants the recall, and all desks have it",
		Wire: s.answers(),
		Read: read,
	})
}

func TestEndOfCtxEndsTheWait(t *testing.T) {
	s := newNewsroom(t)
	held := s.lab.Tap.Add(tap.HoldConfirm{On: publishing(1)})
	call := s.publish(recall)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
	s.awhile()

	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's: whether the desks have the article is unknown",
		Why:  "RabbitMQ is short of memory and doesn't answer: the author's request hangs here for an hour",
		Read: read,
	}
	claim.Saw = "ctx ended, and Publish goes on waiting for an answer"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended before the answer came, and Publish returned: %v", err)
	claim.Wire = s.answers()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.nothingStaysOpen("ctx ended")
}

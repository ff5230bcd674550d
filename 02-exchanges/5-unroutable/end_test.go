package unroutable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestEndOfCtxEndsTheWait(t *testing.T) {
	s := newShop(t)
	s.holdConfirm(1)
	call := s.publish("order-7", key)
	s.sent(1)

	call.Stop()

	claim := lab.Claim{
		Want: "an error that wraps ctx's: whether RabbitMQ has order-7 is unknown",
		Why: "RabbitMQ is short of memory and doesn't answer for an hour: every request of the shop hangs here, long after " +
			"its customer went",
		Read: read,
	}
	claim.Saw = "ctx ended, and Publish goes on waiting for an answer"
	err := call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("ctx ended before the answer came, and Publish returned: %v", err)
	claim.Wire = s.answers()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
}

func TestNothingIsSentAfterCtxHasEnded(t *testing.T) {
	s := newShop(t)

	err := s.lab.Do("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return s.publisher.Publish(ctx, exchange, key, amqp.Publishing{Body: []byte("order-7")})
	})

	s.lab.Fence(s.conn)
	claim := lab.Claim{
		Want: "an error that wraps ctx's, and nothing is sent",
		Why:  "the caller has given up: it tells its customer that nothing happened",
		Wire: s.answers(),
		Read: read,
	}
	claim.Saw = "ctx had ended before, and the message was sent"
	s.lab.Check(len(s.publishes()) == 0, claim)
	claim.Saw = fmt.Sprintf("ctx had ended before, and Publish returned: %v", err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
}

func TestLostConnectionIsNotUnroutable(t *testing.T) {
	s := newShop(t)
	s.lab.Tap.Add(tap.Drop{On: publishing(1)}) // RabbitMQ never gets it
	call := s.publish("order-7", key)
	s.sent(1)

	s.lab.Tap.CutAll()

	claim := lab.Claim{
		Want: "an error that is no *Unroutable: whether RabbitMQ has order-7 is unknown",
		Why:  "a relay sends again after a lost connection; what is unroutable it parks, until a human has looked",
		Read: read,
	}
	claim.Saw = "the connection is gone, and Publish goes on waiting"
	err := call.WaitOr(claim)
	claim.Wire = s.answers()
	claim.Saw = "the connection broke before RabbitMQ had the message, and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("the connection broke, nothing was given back, and Publish returned an *Unroutable: %v", err)
	s.lab.Check(!isUnroutable(err), claim)
	claim.Saw = "the connection is gone; Publish was called once more, and returned nil"
	err = s.publish("order-8", key).WaitOr(claim)
	s.lab.Error(err, claim)
	s.lab.Check(!isUnroutable(err), claim)
}

func TestNothingRunsWhenTheChannelHasEnded(t *testing.T) {
	s := newShop(t)
	s.mustBeUnroutable(s.publish("order-7", typo), "no queue takes order-7")
	s.mustBeRoutable(s.publish("order-8", key), "a queue takes order-8")

	if err := s.ch.Close(); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}

	// What still runs when the test has ended, the lab reports.
	claim := lab.Claim{
		Saw:  "the channel is closed; Publish was called once more, and returned nil",
		Want: "an error",
		Read: read,
	}
	s.lab.Error(s.publish("order-9", key).WaitOr(claim), claim)
}

package unroutable_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/5-unroutable"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestUnroutableIsAnError(t *testing.T) {
	s := newShop(t)

	call := s.publish("order-7", typo)

	s.mustBeUnroutable(call, "no queue takes order-7")
	var u *unroutable.Unroutable
	errors.As(call.Wait(), &u)
	s.lab.Check(u.Exchange == exchange && u.Key == typo, lab.Claim{
		Saw:  fmt.Sprintf("the *Unroutable names the exchange %q and the key %q", u.Exchange, u.Key),
		Want: fmt.Sprintf("where the message went: %q, %q", exchange, typo),
		Why:  "a human has to find the typing error",
		Read: read,
	})
	s.lab.Check(len(s.publishes()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("one call of Publish sent %d messages", len(s.publishes())),
		Want: "a call publishes once, and says what became of it",
		Why:  "there is still no queue, only more work: whether and when to try again is for the caller to say",
		Wire: s.answers(),
		Read: read,
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw: "a message was unroutable, and the caller's channel is closed", Want: "ch stays open: it is the caller's",
	})
}

func TestRoutedMessageArrivesAsGiven(t *testing.T) {
	s := newShop(t)
	headers := amqp.Table{"causation-id": "cart-3", "attempt": int32(2)}
	given := amqp.Publishing{
		Headers: maps.Clone(headers), ContentType: "application/json", ContentEncoding: "identity",
		DeliveryMode: amqp.Persistent, Priority: 3, CorrelationId: "order-7", ReplyTo: "saga.replies", Expiration: "600000",
		MessageId: "01-the-outbox-row", Timestamp: time.Unix(1_700_000_000, 0), Type: "stock.reserve.v1", AppId: "order",
		Body: []byte(`{"sku":"teapot"}`),
	}

	s.mustBeRoutable(s.send(key, given), "a queue takes order-7")

	s.lab.Check(len(s.publishes()) == 1, lab.Claim{
		Saw: fmt.Sprintf("one call of Publish sent %d messages", len(s.publishes())), Want: "a call publishes once",
		Why: "stock is reserved twice", Wire: s.answers(), Read: read,
	})
	s.lab.Check(maps.Equal(given.Headers, headers), lab.Claim{
		Saw:  fmt.Sprintf("Publish was given the headers %v, and has made them %v", headers, given.Headers),
		Want: "the caller's table stays as it is: what Publish adds goes into a table of its own",
		Why:  "two callers that share a table: Go stops the program when both write into it (concurrent map writes)",
		Read: read,
	})
	d := s.lab.Get(queue)
	claim := lab.Claim{
		Want: "the message as it was given; it may carry one header more",
		Why: "the receiver knows a second copy by its MessageId: the message that is sent again with another id is handled " +
			"again",
		Read: read,
	}
	for _, p := range []struct {
		name       string
		sent, came any
	}{
		{"MessageId", given.MessageId, d.MessageId},
		{"CorrelationId", given.CorrelationId, d.CorrelationId},
		{"Type", given.Type, d.Type},
		{"AppId", given.AppId, d.AppId},
		{"ReplyTo", given.ReplyTo, d.ReplyTo},
		{"ContentType", given.ContentType, d.ContentType},
		{"ContentEncoding", given.ContentEncoding, d.ContentEncoding},
		{"DeliveryMode", given.DeliveryMode, d.DeliveryMode},
		{"Priority", given.Priority, d.Priority},
		{"Expiration", given.Expiration, d.Expiration},
		{"Timestamp", given.Timestamp.Unix(), d.Timestamp.Unix()},
		{"body", string(given.Body), string(d.Body)},
	} {
		claim.Saw = fmt.Sprintf("%s %v went in, %v came out", p.name, p.sent, p.came)
		s.lab.Check(p.sent == p.came, claim)
	}
	for name, value := range headers {
		claim.Saw = fmt.Sprintf("header %s=%v went in, %v came out", name, value, d.Headers[name])
		s.lab.Check(d.Headers[name] == value, claim)
	}
	claim.Saw = fmt.Sprintf("%d headers went in, %d came out: %v", len(headers), len(d.Headers), d.Headers)
	s.lab.Check(len(d.Headers) <= len(headers)+1, claim)
}

func TestRefusedIsNotUnroutable(t *testing.T) {
	s := newShop(t)
	s.lab.Tap.Add(tap.Refuse{On: publishing(1)})

	err := s.publish("order-7", key).Wait()

	claim := lab.Claim{
		Want: "an error that is no *Unroutable: RabbitMQ could not store the message, and may be able to in a minute",
		Why:  "the queue is full, or its leader is gone: a relay sends again what was refused, and parks what is unroutable",
		Wire: s.answers(),
		Read: read,
	}
	claim.Saw = "RabbitMQ refused order-7 (basic.nack), and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("RabbitMQ refused order-7 (basic.nack), and Publish returned an *Unroutable: %v", err)
	s.lab.Check(!isUnroutable(err), claim)
}

func TestAckOfAReturnCountsForNoOther(t *testing.T) {
	s := newShop(t)
	held := s.holdConfirm(1)
	bad := s.publish("order-7", typo)
	s.sent(1)
	s.mustReturn(1)
	s.awhile() // Publish may return as soon as the message has come back
	s.lab.Tap.Add(tap.Drop{On: publishing(1)})
	call := s.publish("order-8", key)
	s.sent(2)

	held.Remove() // the ack that follows the return
	s.awhile()

	claim := lab.Claim{
		Saw:  "order-7 was given back, then acked; RabbitMQ never got order-8: and Publish of order-8 returned nil",
		Want: "an ack follows each return: it is for order-7, which had been given back just before",
		Why:  "from the first unroutable message on, each answer is taken for the next message's: lost ones are reported as stored",
		Wire: s.answers(),
		Read: read,
	}
	s.lab.Error(call.Stopped(), claim)
	s.mustBeUnroutable(bad, "order-7 was given back, then acked")
}

func TestManyUnroutableOneAfterAnother(t *testing.T) {
	s := newShop(t)

	for i := range 10 {
		order := fmt.Sprint("order-", i+1)
		s.mustBeUnroutable(s.publish(order, typo), "no queue takes "+order)
	}
	s.mustBeRoutable(s.publish("order-11", key), "10 messages were unroutable; a queue takes order-11")
}

func TestClosedChannelGivesNoPublisher(t *testing.T) {
	s := newStage(t)
	if err := s.ch.Close(); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}

	err := s.lab.Do("NewPublisher", func(context.Context) error {
		_, err := unroutable.NewPublisher(s.ch)
		return err
	})

	s.lab.Error(err, lab.Claim{
		Saw:  "the channel is closed, and NewPublisher returned nil for an error",
		Want: "an error: nothing can be published on this channel",
		Read: read,
	})
}

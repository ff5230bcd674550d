// It waits for each confirm, however long that takes.
// In production two of three nodes are dead. No confirm comes, and the service can't be stopped.
//
// want TestEndOfCtxEndsIt: "ctx ended, and Publish goes on waiting"

package quorum

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DeliveryLimit is how often a message may come back undone.
const DeliveryLimit = 20

// A Message is what is to be stored.
type Message struct {
	ID   string // the message's id, for those who have to see that they got it twice
	Body []byte
}

// Declare makes the queue with a copy on each node.
func Declare(ch *amqp.Channel, queue string) error {
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:  amqp.QueueTypeQuorum,
		"x-delivery-limit": DeliveryLimit,
	})
	if err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	return nil
}

// A Publisher stores messages by whichever node of a broker is there.
type Publisher struct {
	// URLs lead to the nodes of one broker, one to each. Any will do for any queue.
	URLs []string
	// Pause waits a little. It is called when all of URLs have failed, one after another, and nothing was confirmed meanwhile. It
	// returns nil: go round once more; or an error: give up.
	Pause func(ctx context.Context) error
}

// Publish stores msgs in queue, whichever node dies.
func (p Publisher) Publish(ctx context.Context, queue string, msgs []Message) error {
	failed := 0 // nodes, one after another, since something was confirmed
	for node := 0; len(msgs) > 0; node++ {
		rest, err := publishBy(ctx, p.URLs[node%len(p.URLs)], queue, msgs)
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("publish to queue %q: %w", queue, ctx.Err())
		case errors.Is(err, errFinal):
			return fmt.Errorf("publish to queue %q: %w", queue, err)
		case len(rest) < len(msgs):
			failed, msgs = 0, rest
			continue
		}
		if failed++; failed < len(p.URLs) {
			continue
		}
		failed = 0
		if pauseErr := p.Pause(ctx); pauseErr != nil {
			return fmt.Errorf("publish to queue %q: no node takes it: %w; the last one: %w", queue, pauseErr, err)
		}
	}
	return nil
}

// errFinal marks what no other node would do better.
var errFinal = errors.New("RabbitMQ refuses")

// publishBy publishes by one node. It returns what is not confirmed, in its order, and why.
func publishBy(ctx context.Context, url, queue string, msgs []Message) (rest []Message, err error) {
	conn, err := amqp.Dial(url)
	if refusal := (*amqp.Error)(nil); errors.As(err, &refusal) && refusal.Code == amqp.AccessRefused {
		return msgs, fmt.Errorf("%w the connection: %w", errFinal, err)
	}
	if err != nil {
		return msgs, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return msgs, fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return msgs, fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, len(msgs)))

	var confirmations []*amqp.DeferredConfirmation
	for _, m := range msgs {
		c, publishErr := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, MessageId: m.ID, Body: m.Body,
		})
		if publishErr != nil {
			err = fmt.Errorf("publish message %s: %w", m.ID, publishErr)
			break
		}
		confirmations = append(confirmations, c)
	}
	for i, c := range confirmations {
		if !c.Wait() { // nacked, or the connection is lost: then nobody knows whether it is stored
			rest, err = append(rest, msgs[i]), fmt.Errorf("message %s: not confirmed", msgs[i].ID)
		}
	}
	select {
	case r, open := <-returns: // a return comes before its ack
		if open {
			return msgs, fmt.Errorf("%w message %s: %s", errFinal, r.MessageId, r.ReplyText)
		}
	default:
	}
	return append(rest, msgs[len(confirmations):]...), err
}

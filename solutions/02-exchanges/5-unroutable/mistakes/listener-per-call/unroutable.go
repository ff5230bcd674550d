// Each call adds a listener for returns to the channel, and leaves it behind.
// In production the listeners of earlier calls are full, and amqp091-go waits five seconds for each of them before it
// goes on: after a few unroutable messages nothing is read on the connection, heartbeats neither.
//
// want TestManyUnroutableOneAfterAnother: "Publish goes on waiting"

package unroutable

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	commands = "shop.commands" // the exchange for commands: direct
	lost     = "shop.lost"     // the exchange behind it, and the queue behind that one
)

// idHeader is the header that says to which call a returned message belongs.
const idHeader = "publish-id"

// Unroutable is the error of a message that RabbitMQ gave back, because no queue took it. To publish it again as it is
// helps only after somebody has bound a queue.
type Unroutable struct {
	Exchange string // where it was published
	Key      string // with which routing key
	Reason   string // RabbitMQ's words: "NO_ROUTE"
}

// Error says which exchange had no queue for which key.
func (u *Unroutable) Error() string {
	return fmt.Sprintf("exchange %q has no queue for key %q: %s", u.Exchange, u.Key, u.Reason)
}

// A Publisher publishes on one channel, and knows what became of each message.
type Publisher struct {
	ch   *amqp.Channel
	last atomic.Uint64 // the number of the last call
}

// NewPublisher returns a Publisher for ch, which it puts into confirm mode.
func NewPublisher(ch *amqp.Channel) (*Publisher, error) {
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	return &Publisher{ch: ch}, nil
}

// Publish sends m to exchange with key, and waits for RabbitMQ's answer.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	id := strconv.FormatUint(p.last.Add(1), 10)
	returns := p.ch.NotifyReturn(make(chan amqp.Return, 1))
	headers := amqp.Table{}
	maps.Copy(headers, m.Headers)
	headers[idHeader] = id // after the copy: m may be a message that was received, with somebody else's number
	m.Headers = headers

	const mandatory = true // give it back if no queue takes it
	confirmation, err := p.ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, mandatory, false, m)
	if err != nil {
		return fmt.Errorf("publish to exchange %q with key %q: %w", exchange, key, err)
	}
	acked, err := confirmation.WaitContext(ctx)
	if err != nil {
		return fmt.Errorf("wait for the confirm of a message to exchange %q with key %q: %w", exchange, key, err)
	}
	// RabbitMQ acks a returned message too, after the return. So the return, if there is one, came before.
	select {
	case r, ok := <-returns:
		if ok && r.Headers[idHeader] == id {
			return &Unroutable{Exchange: r.Exchange, Key: r.RoutingKey, Reason: r.ReplyText}
		}
	default:
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish to exchange %q with key %q: not confirmed", exchange, key)
	}
	return nil
}

// DeclareLost declares the exchange "shop.commands" (direct), and behind it the exchange "shop.lost" with the queue
// "shop.lost": the queue keeps every command that no queue of shop.commands takes, whatever its key.
func DeclareLost(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(lost, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", lost, err)
	}
	if _, err := ch.QueueDeclare(lost, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", lost, err)
	}
	if err := ch.QueueBind(lost, "", lost, false, nil); err != nil {
		return fmt.Errorf("bind queue %q to exchange %q: %w", lost, lost, err)
	}
	behind := amqp.Table{"alternate-exchange": lost}
	if err := ch.ExchangeDeclare(commands, amqp.ExchangeDirect, true, false, false, false, behind); err != nil {
		return fmt.Errorf("declare exchange %q with alternate exchange %q: %w", commands, lost, err)
	}
	return nil
}

// Takes RabbitMQ's answers to come in the order of the messages, and gives a return to the call that has waited longest.
// In production a message that is routed waits for the disk, a later one comes back at once, and the wrong call is blamed:
// its command is given up and is in its queue, the other is marked as sent and is nowhere.
//
// want TestReturnIsForItsOwnCall: "a queue took order-1: Publish returned: exchange"

package unroutable

import (
	"context"
	"fmt"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	commands = "shop.commands" // the exchange for commands: direct
	lost     = "shop.lost"     // the exchange behind it, and the queue behind that one
)

// A call is a call of Publish that waits for its answer.
type call struct {
	exchange, key string
	returned      *Unroutable
}

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

// A Publisher publishes on one channel, and knows what became of each message. It may be used by many goroutines at once.
type Publisher struct {
	ch *amqp.Channel
	// noted gives something to whoever asks, once all returns that came before are noted. Closed when ch has ended.
	noted chan struct{}

	mu      sync.Mutex // guards what follows
	waiting []*call    // the calls that wait, oldest first
}

// NewPublisher returns a Publisher for ch, which it puts into confirm mode.
func NewPublisher(ch *amqp.Channel) (*Publisher, error) {
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	p := &Publisher{ch: ch, noted: make(chan struct{})}
	// Without a buffer: a return that amqp091-go has handed over is with listen, and not somewhere between.
	go p.listen(ch.NotifyReturn(make(chan amqp.Return)))
	return p, nil
}

// Publish sends m to exchange with key, and waits for RabbitMQ's answer.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	c := p.begin(exchange, key)
	defer p.end(c)

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
	<-p.noted
	if returned := p.returned(c); returned != nil {
		return returned
	}
	if !acked { // a nack, or the channel ended without an answer
		return fmt.Errorf("publish to exchange %q with key %q: not confirmed", exchange, key)
	}
	return nil
}

// listen notes the returns, one after another, until the channel ends.
func (p *Publisher) listen(returns <-chan amqp.Return) {
	defer close(p.noted)
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				return
			}
			p.note(r)
		case p.noted <- struct{}{}:
		}
	}
}

// note remembers a return for the call that has waited longest.
func (p *Publisher) note(r amqp.Return) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.waiting {
		if c.returned == nil {
			c.returned = &Unroutable{Exchange: r.Exchange, Key: r.RoutingKey, Reason: r.ReplyText}
			return
		}
	}
}

// begin adds a call.
func (p *Publisher) begin(exchange, key string) *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &call{exchange: exchange, key: key}
	p.waiting = append(p.waiting, c)
	return c
}

// returned returns what was noted for a call; nil: its message was not returned.
func (p *Publisher) returned(c *call) *Unroutable {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.returned
}

// end forgets a call.
func (p *Publisher) end(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(other *call) bool { return other == c })
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

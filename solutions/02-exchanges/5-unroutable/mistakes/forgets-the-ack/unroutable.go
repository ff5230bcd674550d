// A return ends the wait at once, and the call is taken off the list. The ack that follows each return is then taken for
// an answer to the oldest call that is left.
// In production one unroutable message, and from then on every ack is one message early: what RabbitMQ never stored is
// reported as stored.
//
// want TestAckOfAReturnCountsForNoOther: "and Publish of order-8 returned nil"

package unroutable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

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
	ch *amqp.Channel

	mu      sync.Mutex // guards what follows
	last    uint64     // the number of the last call
	waiting []*call    // the calls that wait, oldest first
}

// A call is a call of Publish that waits for its answer.
type call struct {
	id     string
	answer chan error
}

// NewPublisher returns a Publisher for ch, which it puts into confirm mode.
func NewPublisher(ch *amqp.Channel) (*Publisher, error) {
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	p := &Publisher{ch: ch}
	// Without buffers: so returns and confirms come in the order in which RabbitMQ said them.
	go p.listen(ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyPublish(make(chan amqp.Confirmation)))
	return p, nil
}

// Publish sends m to exchange with key, and waits for RabbitMQ's answer.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	c, err := p.send(ctx, exchange, key, m)
	if err != nil {
		return fmt.Errorf("publish to exchange %q with key %q: %w", exchange, key, err)
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		p.end(c)
		return fmt.Errorf("wait for the confirm of a message to exchange %q with key %q: %w", exchange, key, ctx.Err())
	}
}

// send publishes m, and puts the call at the end of those that wait.
func (p *Publisher) send(ctx context.Context, exchange, key string, m amqp.Publishing) (*call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	c := &call{id: strconv.FormatUint(p.last, 10), answer: make(chan error, 1)}
	headers := amqp.Table{}
	maps.Copy(headers, m.Headers)
	headers[idHeader] = c.id
	m.Headers = headers
	const mandatory = true // give it back if no queue takes it
	if err := p.ch.PublishWithContext(ctx, exchange, key, mandatory, false, m); err != nil {
		return nil, err
	}
	p.waiting = append(p.waiting, c)
	return c, nil
}

// listen answers the calls, until the channel ends.
func (p *Publisher) listen(returns <-chan amqp.Return, confirms <-chan amqp.Confirmation) {
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				returns = nil // the confirms end too
				continue
			}
			p.note(r)
		case confirmed, ok := <-confirms:
			if !ok {
				for p.next(errors.New("the channel has ended")) {
				}
				return
			}
			var err error
			if !confirmed.Ack {
				err = errors.New("RabbitMQ refused the message")
			}
			p.next(err)
		}
	}
}

// next answers the oldest call, and tells whether there was one.
func (p *Publisher) next(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return false
	}
	p.waiting[0].answer <- err
	p.waiting = p.waiting[1:]
	return true
}

// note answers the call whose message was returned.
func (p *Publisher) note(r amqp.Return) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.waiting {
		if c.id == r.Headers[idHeader] {
			c.answer <- &Unroutable{Exchange: r.Exchange, Key: r.RoutingKey, Reason: r.ReplyText}
			p.waiting = slices.Delete(p.waiting, i, i+1)
			return
		}
	}
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

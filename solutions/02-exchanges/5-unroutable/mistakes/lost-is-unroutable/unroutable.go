// When the returns end because the channel has, all calls that wait are told that their messages came back: so they wake up.
// In production every lost connection parks the commands that were under way, until a human has looked. Nobody gave them
// back: sent again, they would arrive.
//
// want TestLostConnectionIsNotUnroutable: "Publish returned an *Unroutable"

package unroutable

import (
	"context"
	"fmt"
	"maps"
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

// A Publisher publishes on one channel, and knows what became of each message. It may be used by many goroutines at once.
type Publisher struct {
	ch *amqp.Channel
	// noted gives something to whoever asks, once all returns that came before are noted. Closed when ch has ended.
	noted chan struct{}

	mu      sync.Mutex             // guards what follows
	last    uint64                 // the number of the last call
	waiting map[string]*Unroutable // the calls that wait, by their number; nil as long as nothing was returned
}

// NewPublisher returns a Publisher for ch, which it puts into confirm mode.
func NewPublisher(ch *amqp.Channel) (*Publisher, error) {
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("select confirm mode: %w", err)
	}
	p := &Publisher{ch: ch, noted: make(chan struct{}), waiting: make(map[string]*Unroutable)}
	// Without a buffer: a return that amqp091-go has handed over is with listen, and not somewhere between.
	go p.listen(ch.NotifyReturn(make(chan amqp.Return)))
	return p, nil
}

// Publish sends m to exchange with key, and waits for RabbitMQ's answer.
func (p *Publisher) Publish(ctx context.Context, exchange, key string, m amqp.Publishing) error {
	id := p.begin()
	defer p.end(id)
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
	<-p.noted
	if returned := p.returned(id); returned != nil {
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
				p.giveUp()
				return
			}
			p.note(r)
		case p.noted <- struct{}{}:
		}
	}
}

// giveUp ends all calls that wait: no answer comes any more.
func (p *Publisher) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.waiting {
		p.waiting[id] = &Unroutable{Reason: "the channel has ended"}
	}
}

// note remembers a return for the call that waits, if it still does.
func (p *Publisher) note(r amqp.Return) {
	id, _ := r.Headers[idHeader].(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, waits := p.waiting[id]; waits {
		p.waiting[id] = &Unroutable{Exchange: r.Exchange, Key: r.RoutingKey, Reason: r.ReplyText}
	}
}

// begin returns a number for a call, which no other call of this Publisher gets.
func (p *Publisher) begin() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	id := strconv.FormatUint(p.last, 10)
	p.waiting[id] = nil
	return id
}

// returned returns what was noted for a call; nil: its message was not returned.
func (p *Publisher) returned(id string) *Unroutable {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting[id]
}

// end forgets a call.
func (p *Publisher) end(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
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

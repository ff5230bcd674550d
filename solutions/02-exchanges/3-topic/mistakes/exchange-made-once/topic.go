// The exchange is declared once in the life of the program: a variable remembers it.
// In production the program runs on while its broker is set up anew, or a second connection leads to another virtual
// host. There the exchange is missing, RabbitMQ answers 404 and closes the channel, and Publish had returned nil.
//
// want TestPublishNeedsNoListener: "can be used no more"

package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange is where all events of the shop go: a durable exchange of type topic, not auto-delete.
const Exchange = "shop.events"

// An Event is something that has happened.
type Event struct {
	Parts []string // its name, the general first: user, purchase, refunded
	Body  []byte
}

// An Interest says which events somebody wants to hear of.
type Interest struct {
	Parts  []string // "*" stands for any one part
	Deeper bool     // also names that go on
}

// A Listener is a service that wants to hear of events.
type Listener struct {
	Name  string // each name has a queue of its own: Mailer is not mailer
	Hears []Interest
}

// Declare makes a queue for l, bound for what it wants to hear.
func Declare(ch *amqp.Channel, l Listener) (queue string, err error) {
	if l.Name == "" || len(l.Hears) == 0 {
		return "", fmt.Errorf("listener %q with %d interests: it needs a name, and at least one interest", l.Name, len(l.Hears))
	}
	queue = l.Name + ".events"
	if len(queue) > 255 { // AMQP sends the length in one byte
		return "", fmt.Errorf("a queue's name of %d bytes: AMQP can carry 255", len(queue))
	}
	patterns := make([]string, len(l.Hears))
	for i, interest := range l.Hears {
		if patterns[i], err = pattern(interest); err != nil {
			return "", fmt.Errorf("listener %q: interest %q: %w", l.Name, interest.Parts, err)
		}
	}

	if err := declareExchange(ch); err != nil {
		return "", err
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return "", fmt.Errorf("declare queue %q: %w", queue, err)
	}
	for _, pattern := range patterns {
		if err := ch.QueueBind(queue, pattern, Exchange, false, nil); err != nil {
			return "", fmt.Errorf("bind queue %q to %q: %w", queue, pattern, err)
		}
	}
	return queue, nil
}

// Publish remembers that the exchange was there.
func Publish(ctx context.Context, ch *amqp.Channel, e Event) error {
	key, err := join(e.Parts, isPart)
	if err != nil {
		return fmt.Errorf("event %q: %w", e.Parts, err)
	}
	if err := declareExchange(ch); err != nil {
		return err
	}
	if err := ch.PublishWithContext(ctx, Exchange, key, false, false, amqp.Publishing{Body: e.Body}); err != nil {
		return fmt.Errorf("publish event %q: %w", key, err)
	}
	return nil
}

var declared atomic.Bool

func declareExchange(ch *amqp.Channel) error {
	if declared.Load() {
		return nil
	}
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	declared.Store(true)
	return nil
}

// pattern returns the binding key for an interest: in it, * is one part, and # is any number of them, also none.
func pattern(i Interest) (string, error) {
	var tail []string
	if i.Deeper {
		tail = []string{"#"}
	}
	return join(i.Parts, func(part string) bool { return part == "*" || isPart(part) }, tail...)
}

// isPart tells whether part is one word of a key, and no wildcard.
func isPart(part string) bool { return part != "" && !strings.ContainsAny(part, ".*#") }

// join makes a key of parts and tail.
func join(parts []string, valid func(string) bool, tail ...string) (string, error) {
	for _, part := range parts {
		if !valid(part) {
			return "", fmt.Errorf("%q can't be a part", part)
		}
	}
	key := strings.Join(slices.Concat(parts, tail), ".")
	if key == "" {
		return "", errors.New("no parts")
	}
	if len(key) > 255 { // AMQP sends the length in one byte
		return "", fmt.Errorf("a key of %d bytes: AMQP can carry 255", len(key))
	}
	return key, nil
}

// Each interest ends in #, whether it asked for more or not: "then nothing is missed".
// In production the mailer thanks for the purchase when it is made, when it is refunded, and when it is refunded partly.
//
// want TestOneNameIsOneEvent: "hears of user.purchase.refunded, too"

package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Declare binds for more than was asked for.
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

// Publish sends e to all who want to hear of it.
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

func declareExchange(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	return nil
}

// pattern returns the binding key for an interest: in it, * is one part, and # is any number of them, also none.
func pattern(i Interest) (string, error) {
	tail := []string{"#"}
	if len(i.Parts) == 0 && !i.Deeper {
		return "", errors.New("no parts")
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

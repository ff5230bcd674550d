// Errors are returned as they come.
// In production the log says "channel/connection is not open". Nobody knows which of ten services, what for, and at which step.
//
// want TestConflictIsNamed: "without a word about the step"

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
	// Parts are compared with those of the event, one by one. "*" stands for any part, but for one.
	Parts []string
	// Deeper wants the events whose names go on after Parts, too. Without Parts, these are all.
	Deeper bool
}

// A Listener is a service that wants to hear of events.
type Listener struct {
	Name  string // each name has a queue of its own: Mailer is not mailer
	Hears []Interest
}

// Declare makes the queue in which events wait for l, and returns its name. It brings l the events that fit any of its
// interests, and no others.
//   - Exchange is made if it isn't there. So is the queue: durable, neither exclusive nor auto-delete, and without any limit of
//     number, size or age. Events gather in it while nobody is there to listen.
//   - Declare again with the same Name, on any connection: the same queue, with what waits in it. RabbitMQ keeps a binding
//     until somebody unbinds it, so l still hears what it asked for earlier. Declare only adds.
//   - An event that fits several interests comes once.
//   - It has returned nil: each fitting event that is published from now on comes.
//   - Refused, with an error before anything is said to RabbitMQ: a Name that is empty; no interests; an interest with
//     neither Parts nor Deeper; a part that is empty or has a `.`, `*` or `#` in it (but "*" alone is fine); a binding key, or
//     a name of the queue, over 255 bytes.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's. So is l: nothing in it is changed.
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
		return "", err
	}
	for _, pattern := range patterns {
		if err := ch.QueueBind(queue, pattern, Exchange, false, nil); err != nil {
			return "", err
		}
	}
	return queue, nil
}

// Publish sends e to all who want to hear of it.
//   - Its routing key is its parts with dots between them. Its body arrives unchanged.
//   - Exchange is made if it isn't there, at each call. An event that nobody wants to hear of is no error.
//   - Refused, with an error before anything is said to RabbitMQ: no parts; a part that is empty or has a `.`, `*` or `#`
//     in it; a routing key over 255 bytes, which AMQP can't carry. Everything else is text like any other: "größe", "5 %".
//   - ctx has ended: its error is returned, and e is not sent.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open, also after a refusal. e is the caller's: nothing in it is changed.
func Publish(ctx context.Context, ch *amqp.Channel, e Event) error {
	key, err := join(e.Parts, isPart)
	if err != nil {
		return fmt.Errorf("event %q: %w", e.Parts, err)
	}
	if err := declareExchange(ch); err != nil {
		return err
	}
	if err := ch.PublishWithContext(ctx, Exchange, key, false, false, amqp.Publishing{Body: e.Body}); err != nil {
		return err
	}
	return nil
}

func declareExchange(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return err
	}
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
	key := strings.Join(slices.Concat(parts, tail), ".") // append might write into the caller's array
	if key == "" {
		return "", errors.New("no parts")
	}
	if len(key) > 255 { // AMQP sends the length in one byte
		return "", fmt.Errorf("a key of %d bytes: AMQP can carry 255", len(key))
	}
	return key, nil
}

// Publishes and acks. There was no error, so RabbitMQ must have it.
// In production: a full disk, a node that dies, and RabbitMQ never stores what Publish wrote to the socket. What was acked it
// has forgotten already.
//
// want TestAckComesAfterTheConfirm: "RabbitMQ has not confirmed that order-7 is in the next queue, and order-7 was answered"

package retry

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The headers that Retry writes.
const (
	Attempt = "attempt" // how often the message has failed, an int64
	Cause   = "cause"   // of what it failed last, a string
	Queue   = "queue"   // where it failed, a string: a parked copy has no x-death, and 04/6 sends it back there
)

// A Plan says how long the messages of a queue wait before they are tried again.
type Plan struct {
	Queue string          // where messages fail, and where they come back to. It is the caller's
	Steps []time.Duration // how long they wait at most, after the first failure first. None: the first failure parks
}

// Declare makes a queue for each step, and one for what is parked.
func (p Plan) Declare(ch *amqp.Channel) error {
	queues := map[string]amqp.Table{p.Queue + ".parked": {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}}
	for _, step := range p.Steps {
		if step < time.Millisecond {
			return fmt.Errorf("%v is no time to wait", step)
		}
		queues[p.Queue+".retry."+step.String()] = amqp.Table{
			"x-queue-type":              "quorum",
			"x-message-ttl":             int64(step / time.Millisecond),
			"x-overflow":                "reject-publish",
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": p.Queue,
			"x-dead-letter-strategy":    "at-least-once",
		}
	}
	for name, args := range queues {
		if _, err := ch.QueueDeclare(name, true, false, false, false, args); err != nil {
			return fmt.Errorf("declare %s: %w", name, err)
		}
	}
	return nil
}

// Retry sends d to the queue of its next step, and acks d. After the last step it sends it to the parked queue.
func (p Plan) Retry(ctx context.Context, conn *amqp.Connection, d amqp.Delivery, cause error, random float64) error {
	n := count(d)
	m := copyOf(d)
	m.Headers[Attempt], m.Headers[Cause], m.Headers[Queue] = n+1, short(cause.Error()), p.Queue
	queue := p.Queue + ".parked"
	if n < int64(len(p.Steps)) {
		half := p.Steps[n] / 2
		m.Expiration = fmt.Sprint((half + time.Duration(float64(half)*random)).Milliseconds())
		queue = p.Queue + ".retry." + p.Steps[n].String()
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.PublishWithContext(ctx, "", queue, true, false, m); err != nil {
		return fmt.Errorf("publish to %s: %w", queue, err)
	}
	return d.Ack(false)
}

func count(d amqp.Delivery) int64 {
	switch n := d.Headers[Attempt].(type) {
	case int64:
		return max(min(n, 1<<62), 0)
	case int32:
		return max(int64(n), 0)
	}
	return 0
}

// copyOf returns a message like d. RabbitMQ takes no user id but our own, and reads keys in CC and deaths in x-death.
func copyOf(d amqp.Delivery) amqp.Publishing {
	headers := make(amqp.Table, len(d.Headers)+2)
	for name, value := range d.Headers {
		if name != "CC" && name != "x-death" {
			headers[name] = value
		}
	}
	return amqp.Publishing{
		Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: amqp.Persistent,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId,
		Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body,
	}
}

func short(text string) string {
	if len(text) > 1000 {
		return text[:1000]
	}
	return text
}

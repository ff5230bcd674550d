// Waits here, as in any other program, and gives the message back then. It publishes only when it parks, or counts.
// In production: while one message waits, its consumer does nothing else. With prefetch 10 and ten bad messages the service
// stands still; after half an hour RabbitMQ closes the channel, and all of them come again.
//
// want TestItComesBackAsItWas: "Retry has not returned"

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
	for _, step := range p.Steps {
		if step < time.Millisecond {
			return fmt.Errorf("step %v is too short", step)
		}
	}
	for _, step := range p.Steps {
		_, err := ch.QueueDeclare(fmt.Sprintf("%s.retry.%v", p.Queue, step), true, false, false, false, amqp.Table{
			amqp.QueueTypeArg:           amqp.QueueTypeQuorum,
			amqp.QueueMessageTTLArg:     step.Milliseconds(),
			amqp.QueueOverflowArg:       amqp.QueueOverflowRejectPublish,
			"x-dead-letter-strategy":    "at-least-once",
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": p.Queue,
		})
		if err != nil {
			return fmt.Errorf("declare the queue of step %v: %w", step, err)
		}
	}
	parking := amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
	_, err := ch.QueueDeclare(p.Queue+".parked", true, false, false, false, parking)
	return err
}

// Retry sends d to the queue of its next step, and acks d. After the last step it sends it to the parked queue.
func (p Plan) Retry(ctx context.Context, conn *amqp.Connection, d amqp.Delivery, cause error, random float64) error {
	failed := count(d) + 1
	queue, step := p.route(failed)
	m := copyOf(d)
	m.Headers[Attempt], m.Headers[Cause], m.Headers[Queue] = failed, short(cause.Error()), p.Queue
	if step > 0 {
		queue = p.Queue
		select {
		case <-time.After(step/2 + time.Duration(random*float64(step/2))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	sent, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", queue, err)
	}
	if ok, err := sent.WaitContext(ctx); err != nil {
		return fmt.Errorf("wait for the confirm of %s: %w", queue, err)
	} else if !ok {
		return fmt.Errorf("%s does not have the message", queue)
	}
	select {
	case _, ok := <-returns:
		if ok {
			return fmt.Errorf("there is no queue %s", queue)
		}
	default:
	}
	return d.Ack(false)
}

// route says where a message goes after so many failures, and how long it waits there at most.
func (p Plan) route(failed int64) (queue string, step time.Duration) {
	if failed > int64(len(p.Steps)) {
		return p.Queue + ".parked", 0
	}
	step = p.Steps[failed-1]
	return p.Queue + ".retry." + step.String(), step
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

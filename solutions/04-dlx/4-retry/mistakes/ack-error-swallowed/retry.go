// The message waits in the next queue, so all is well, whatever became of the ack.
// In production: the channel of the deliveries is gone, and RabbitMQ delivers all of them again. The consumer is told nil, goes on
// with a channel that is dead, and each message that it still has is put into the next queue a second time.
//
// want TestLostAckIsAnError: "order-7 could not be acked, and Retry returned nil"

package retry

import (
	"context"
	"fmt"
	"strconv"
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
	queue, step := p.route(n + 1)
	m := copyOf(d)
	m.Headers[Attempt], m.Headers[Cause], m.Headers[Queue] = n+1, short(cause.Error()), p.Queue
	if half := step / 2; half > 0 {
		m.Expiration = strconv.Itoa(int((half + time.Duration(float64(half)*random)).Milliseconds()))
	}
	if err := send(ctx, conn, queue, m); err != nil {
		return err
	}
	d.Ack(false)
	return nil
}

func send(ctx context.Context, conn *amqp.Connection, queue string, m amqp.Publishing) error {
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
	return nil
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

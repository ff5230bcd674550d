package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/06-services/bus"
	"warren.example/06-services/events"
	"warren.example/06-services/money"
)

// quiet is how long nothing more must come after what may be the end of an order.
const quiet = time.Second

// watch prints what happens to an order, from the beginning, until it is settled: cancelled, refunded or delivered. It reads
// the audit stream, which has all events of the shop and is there for everybody (05/6).
func (p *program) watch(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("type: watch ORDER")
	}
	at, err := find(p.config)
	if err != nil {
		return err
	}
	connection, err := amqp.Dial(at.AMQP[0])
	if err != nil {
		return fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	if err := channel.Qos(100, 0, false); err != nil { // a stream wants it
		return err
	}
	deliveries, err := channel.Consume(bus.Audit, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	if err != nil {
		return fmt.Errorf("read %s: %w", bus.Audit, err)
	}
	return p.follow(ctx, deliveries, args[0])
}

// follow prints what is about the order. It ends when it is settled and nothing more comes.
func (p *program) follow(ctx context.Context, deliveries <-chan amqp.Delivery, order string) error {
	var settled <-chan time.Time
	silence := time.After(2 * quiet)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-silence:
			fmt.Fprintf(p.out, "nothing has happened to order %s yet. Is that its id? Waiting …\n", order)
		case <-settled:
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("RabbitMQ has gone")
			}
			if err := d.Ack(false); err != nil { // asks for more; a stream forgets nothing
				return err
			}
			if d.CorrelationId != order {
				continue
			}
			silence = nil
			at := d.Timestamp
			if ms, ok := d.Headers["sent-at"].(int64); ok {
				at = time.UnixMilli(ms)
			}
			fmt.Fprintf(p.out, "%s  %-22s %s\n", at.Local().Format("15:04:05.000"), d.Type, plain(d.Body))
			if settled != nil || settles(d) {
				settled = time.After(quiet)
			}
		}
	}
}

// settles tells whether an event may be the last of its order.
func settles(d amqp.Delivery) bool {
	switch d.Type {
	case events.OrderCancelled{}.Name(), events.OrderRefunded{}.Name():
		return true
	case events.ParcelMoved{}.Name():
		var m events.ParcelMoved
		return json.Unmarshal(d.Body, &m) == nil && m.Status == "delivered"
	}
	return false
}

// plain writes of a body what the type doesn't say.
func plain(body []byte) string {
	var said struct {
		Reason, Status, About, SKU string
		Total, Amount              money.Money
	}
	_ = json.Unmarshal(body, &said) // what isn't there isn't written
	words := []string{said.Reason, said.Status, said.About, said.SKU}
	for _, m := range []money.Money{said.Total, said.Amount} {
		if m.Currency != "" {
			words = append(words, m.String())
		}
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

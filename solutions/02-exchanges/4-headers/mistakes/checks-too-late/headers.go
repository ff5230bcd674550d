// Match is looked at where the arguments of the binding are made, when exchange and queue are there already.
// In production a word was misspelt. The service doesn't start, and leaves a queue behind that nobody reads and nobody has bound.
//
// want TestWhatCannotBeMeantIsRefused: "talked to RabbitMQ before it refused"

package headers

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Exchange is where all reports go: a durable exchange of type headers, not auto-delete.
const Exchange = "shop.reports"

// The values of Interest.Match.
const (
	All = "all" // everything that is asked for has to fit
	Any = "any" // one thing that is asked for has to fit
)

// A Report is made by one part of the shop for others.
type Report struct {
	Format   string // header format, a text: json
	Type     string // header type, a text: report
	Year     int    // header year, a whole number: 2026
	Supplier string // header x-supplier, a text: acme
	Body     []byte
}

// An Interest says which reports somebody wants to have. A field that is empty, or 0, is not asked for: whatever a report
// has there, or doesn't have, is fine.
type Interest struct {
	Match    string // All or Any
	Format   string
	Type     string
	Year     int
	Supplier string
}

// Declare makes queue, and lets it have the reports that fit i, and no others.
//   - Exchange is made if it isn't there. So is the queue: durable, neither exclusive nor auto-delete, and without any limit of
//     number, size or age.
//   - Only the four headers count. Routing key and body of a report may be anything.
//   - Values are compared as they are: JSON is not json, and a year that comes as text is not that year.
//   - Declare again with another interest: the queue has what fits any of them, each report once, and what waits in it stays.
//   - It has returned nil: each fitting report that is published from now on comes.
//   - Refused, with an error before anything is said to RabbitMQ: a queue without a name, or with one over 255 bytes; a Match
//     that is neither All nor Any; an interest that asks for nothing.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's.
func Declare(ch *amqp.Channel, queue string, i Interest) error {
	wanted := fields(i.Format, i.Type, i.Year, i.Supplier)
	switch {
	case queue == "":
		return errors.New("declare a queue for reports: it has no name")
	case len(queue) > 255: // AMQP sends the length in one byte
		return fmt.Errorf("declare a queue for reports: its name has %d bytes, AMQP can carry 255", len(queue))
	case len(wanted) == 0:
		return fmt.Errorf("declare queue %q for reports: it asks for nothing", queue)
	}
	if err := declareExchange(ch); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	switch i.Match {
	case All, Any:
		wanted["x-match"] = i.Match + "-with-x"
	default:
		return fmt.Errorf("bind queue %q: match %q is neither %s nor %s", queue, i.Match, All, Any)
	}
	if err := ch.QueueBind(queue, "", Exchange, false, wanted); err != nil {
		return fmt.Errorf("bind queue %q to %v: %w", queue, wanted, err)
	}
	return nil
}

// Publish sends r to all who asked for such reports.
//   - It has a header for each field that is filled in, with the field's kind, and none for the others. It may have none at all.
//   - Its body arrives unchanged.
//   - Exchange is made if it isn't there, at each call. A report that nobody asked for is no error.
//   - ctx has ended: its error is returned, and r is not sent.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's.
func Publish(ctx context.Context, ch *amqp.Channel, r Report) error {
	if err := declareExchange(ch); err != nil {
		return err
	}
	message := amqp.Publishing{Headers: fields(r.Format, r.Type, r.Year, r.Supplier), Body: r.Body}
	if err := ch.PublishWithContext(ctx, Exchange, "", false, false, message); err != nil {
		return fmt.Errorf("publish a report: %w", err)
	}
	return nil
}

func declareExchange(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(Exchange, amqp.ExchangeHeaders, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", Exchange, err)
	}
	return nil
}

// fields returns the headers for what is filled in.
func fields(format, kind string, year int, supplier string) amqp.Table {
	t := amqp.Table{}
	if format != "" {
		t["format"] = format
	}
	if kind != "" {
		t["type"] = kind
	}
	if year != 0 {
		t["year"] = year
	}
	if supplier != "" {
		t["x-supplier"] = supplier
	}
	return t
}

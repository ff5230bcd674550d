// x-match is any, whatever was asked for.
// In production the bookkeeper who wants JSON reports gets all that is JSON and all that is a report. A PDF is read as
// JSON, and the night run ends.
//
// want TestAllMeansAll: "gets sales-pdf, too"

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

// An Interest says which reports somebody wants to have.
type Interest struct {
	Match    string // All or Any
	Format   string
	Type     string
	Year     int
	Supplier string
}

// Declare takes one thing for enough.
func Declare(ch *amqp.Channel, queue string, i Interest) error {
	wanted := fields(i.Format, i.Type, i.Year, i.Supplier)
	switch {
	case queue == "":
		return errors.New("declare a queue for reports: it has no name")
	case len(queue) > 255: // AMQP sends the length in one byte
		return fmt.Errorf("declare a queue for reports: its name has %d bytes, AMQP can carry 255", len(queue))
	case i.Match != All && i.Match != Any:
		return fmt.Errorf("declare queue %q for reports: match %q is neither %s nor %s", queue, i.Match, All, Any)
	case len(wanted) == 0:
		return fmt.Errorf("declare queue %q for reports: it asks for nothing", queue)
	}
	wanted["x-match"] = "any-with-x"

	if err := declareExchange(ch); err != nil {
		return err
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	if err := ch.QueueBind(queue, "", Exchange, false, wanted); err != nil {
		return fmt.Errorf("bind queue %q to %v: %w", queue, wanted, err)
	}
	return nil
}

// Publish sends r to all who asked for such reports.
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

// Package headers brings the shop's reports to those who asked for such. What a report is stands in its headers, as fields
// that can be asked for in any combination, and the exchange compares those. The package does not consume, and does not find
// out whether RabbitMQ has a report: that is 01/3.
package headers

import (
	"context"

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
	// TODO(02/4): declare exchange and queue, and bind the queue with arguments.
	return notDone
}

// Publish sends r to all who asked for such reports.
//   - It has a header for each field that is filled in, with the field's kind, and none for the others. It may have none at all.
//   - Its body arrives unchanged.
//   - Exchange is made if it isn't there, at each call. A report that nobody asked for is no error.
//   - ctx has ended: its error is returned, and r is not sent.
//   - RabbitMQ says no, or is gone: the error says at which step, and wraps the cause.
//   - ch stays open: it is the caller's.
func Publish(ctx context.Context, ch *amqp.Channel, r Report) error {
	// TODO(02/4): publish r with its headers.
	return notDone
}

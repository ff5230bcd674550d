// Goes on with the offset that is stored. It is the last one that was done, not the first that wasn't.
//
// In production: each restart makes one effect once more. With a deployment a day, that is a payment a day that nobody made.
//
// want TestItGoesOnWhereItStopped: "order-1 was applied twice"

package stream

import (
	"context"
	"database/sql"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Log is the name of the stream.
const Log = "shop.audit"

// Schema makes the table in which readers have their places. The caller executes it at each start.
const Schema = `
CREATE TABLE IF NOT EXISTS readers (
	reader TEXT    NOT NULL PRIMARY KEY,
	place  INTEGER NOT NULL -- the Offset of the last entry whose effect is in this database
)`

// An Offset is the number of an entry.
type Offset int64

// An Entry is a message of Log.
type Entry struct {
	Offset Offset // RabbitMQ delivers it as the header x-stream-offset, an int64
	Key    string // its routing key, such as "order.paid"
	ID     string // its MessageId
	Body   []byte
}

// A GoneError says that an entry is in Log no more: it is too old. Entries after it may be gone too.
type GoneError struct {
	Offset Offset // of the entry
	First  Offset // of the first entry that is there
}

// Error names both.
func (e *GoneError) Error() string {
	return fmt.Sprintf("%s: entry %d is gone, the first is %d", Log, e.Offset, e.First)
}

// Declare makes Log.
func Declare(ch *amqp.Channel) error {
	_, err := ch.QueueDeclare(Log, true, false, false, false, amqp.Table{"x-queue-type": "stream", "x-max-age": "1Y"})
	return err
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	r, err := newLogReader(conn)
	if err != nil {
		return err
	}
	defer r.Close()

	var at *Offset
	row := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader)
	if err := row.Scan(&at); err != nil && err != sql.ErrNoRows {
		return err
	}
	if err := r.Start(at); err != nil {
		return err
	}
	for r.Next(ctx) {
		if err := store(db, reader, r.Entry, apply); err != nil {
			return fmt.Errorf("%s: %w", reader, err)
		}
	}
	return r.Err
}

// store applies an entry and moves the place, together. The place never goes back.
func store(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := apply(tx, e); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO readers (reader, place) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET place = max(place, excluded.place)`, reader, e.Offset); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("[%d, %d] is empty", from, until)
	}
	r, err := newLogReader(conn)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Start(&from); err != nil {
		return err
	}
	for r.Next(ctx) {
		if r.Entry.Offset > until {
			return nil
		}
		if err := fn(r.Entry); err != nil {
			return err
		}
		if r.Entry.Offset == until {
			return nil
		}
	}
	if r.Err != nil {
		return r.Err
	}
	return ctx.Err()
}

// A logReader goes through Log as a bufio.Scanner goes through lines.
type logReader struct {
	Entry Entry
	Err   error

	ch       *amqp.Channel
	messages <-chan amqp.Delivery
	start    *Offset
	tag      uint64
}

func newLogReader(conn *amqp.Connection) (*logReader, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	return &logReader{ch: ch}, nil
}

// Start begins at an offset, nil: with the first entry there is.
func (r *logReader) Start(at *Offset) (err error) {
	if err = r.ch.Qos(100, 0, false); err != nil {
		return err
	}
	args := amqp.Table{"x-stream-offset": "first"}
	if r.start = at; at != nil {
		args["x-stream-offset"] = int64(*at)
	}
	r.messages, err = r.ch.Consume(Log, "", false, false, false, false, args)
	return err
}

// Next waits for the next entry. It returns false when ctx has ended, or with Err.
func (r *logReader) Next(ctx context.Context) bool {
	if r.tag > 0 {
		if r.Err = r.ch.Ack(r.tag, false); r.Err != nil {
			return false
		}
	}
	select {
	case <-ctx.Done():
		return false
	case m, ok := <-r.messages:
		if ctx.Err() != nil {
			return false
		}
		if !ok {
			r.Err = amqp.ErrClosed
			return false
		}
		r.tag = m.DeliveryTag
		r.Entry = Entry{Offset(m.Headers["x-stream-offset"].(int64)), m.RoutingKey, m.MessageId, m.Body}
		if r.start != nil && r.Entry.Offset > *r.start {
			r.Err = &GoneError{*r.start, r.Entry.Offset}
			return false
		}
		r.start = nil
		return true
	}
}

func (r *logReader) Close() { r.ch.Close() }

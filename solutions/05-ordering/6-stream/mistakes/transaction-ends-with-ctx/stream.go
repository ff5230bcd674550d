// Begins each transaction with ctx, as one does with everything that has a ctx. At its end database/sql rolls the transaction back.
//
// In production: each deployment undoes the entry that was being applied, and reports a failure. If apply has also told somebody,
// somebody is told twice.
//
// want TestItGoesOnWhereItStopped: "Follow returned: "

package stream

import (
	"context"
	"database/sql"
	"errors"
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
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("channel: %w", err)
	}
	defer ch.Close()
	start, err := startOf(ctx, db, reader)
	if err != nil {
		return fmt.Errorf("place of %s: %w", reader, err)
	}
	entries, err := start.consume(ch)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-entries:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return errors.New("log lost")
			}
			e, err := start.check(d)
			if err != nil {
				return err
			}
			if err := book(ctx, db, reader, e, apply); err != nil {
				return fmt.Errorf("book %s: %w", e.ID, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
}

func book(ctx context.Context, db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	r, err := tx.ExecContext(ctx, `INSERT INTO readers VALUES (?, ?) ON CONFLICT (reader)
		DO UPDATE SET place = excluded.place WHERE readers.place < excluded.place`, reader, e.Offset)
	if err != nil {
		return err
	}
	changed, err := r.RowsAffected()
	if changed == 0 || err != nil {
		return err
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	return tx.Commit()
}

// A start is where reading begins; nil: with the first entry.
type start struct{ at *int64 }

func startOf(ctx context.Context, db *sql.DB, reader string) (*start, error) {
	var s start
	err := db.QueryRowContext(ctx, "SELECT place FROM readers WHERE reader = ?", reader).Scan(&s.at)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return &s, err
}

func (s *start) consume(ch *amqp.Channel) (<-chan amqp.Delivery, error) {
	if err := ch.Qos(100, 0, false); err != nil {
		return nil, err
	}
	args := amqp.Table{"x-stream-offset": "first"}
	if s.at != nil {
		args["x-stream-offset"] = *s.at
	}
	return ch.Consume(Log, "", false, false, false, false, args)
}

// check returns the entry in a delivery. The first must be that at which reading begins.
func (s *start) check(d amqp.Delivery) (Entry, error) {
	offset, _ := d.Headers["x-stream-offset"].(int64)
	if s.at != nil && *s.at < offset {
		return Entry{}, &GoneError{Offset(*s.at), Offset(offset)}
	}
	s.at = nil
	return Entry{Offset(offset), d.RoutingKey, d.MessageId, d.Body}, nil
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("no range: %d, %d", from, until)
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("channel: %w", err)
	}
	defer ch.Close()
	at := int64(from)
	begin := &start{&at}
	entries, err := begin.consume(ch)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-entries:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !ok {
				return errors.New("log lost")
			}
			e, err := begin.check(d)
			if err != nil || e.Offset > until {
				return err
			}
			if err := fn(e); err != nil || e.Offset == until {
				return err
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
}

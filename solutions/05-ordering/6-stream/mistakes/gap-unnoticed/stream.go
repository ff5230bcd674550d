// Asks for the entry after its place, and goes on with whatever comes: RabbitMQ gives the next one that there is.
//
// In production: the reader of the taxes was off for a year and a week. RabbitMQ has deleted a week that it had not read, and
// begins with what is left. The books have a hole, and no line in any log.
//
// want TestGoneIsAnError: "Follow has ended: false"

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
	ledger := ledger{db: db, reader: reader}
	next, err := ledger.next()
	if err != nil {
		return err
	}
	deliveries, done, err := deliver(conn, next)
	if err != nil {
		return err
	}
	defer done()
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			switch {
			case ctx.Err() != nil:
				return nil
			case !ok:
				return fmt.Errorf("follow: %w", amqp.ErrClosed)
			}
			if err := ledger.enter(toEntry(d), apply); err != nil {
				return fmt.Errorf("follow: %w", err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("follow: %w", err)
			}
		}
	}
}

// A ledger knows what a reader has read.
type ledger struct {
	db     *sql.DB
	reader string
}

// next is the offset of the first entry that isn't in it. RabbitMQ takes 0 for the first there is.
func (l ledger) next() (n int64, err error) {
	err = l.db.QueryRow("SELECT coalesce(max(place) + 1, 0) FROM readers WHERE reader = ?", l.reader).Scan(&n)
	return n, err
}

func (l ledger) enter(e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	result, err := tx.Exec(`INSERT INTO readers (reader, place) VALUES (?, ?) ON CONFLICT (reader) DO
		UPDATE SET place = excluded.place WHERE place < excluded.place`, l.reader, e.Offset)
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); rows == 0 {
		return err
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("replay: until is before from")
	}
	deliveries, done, err := deliver(conn, int64(from))
	if err != nil {
		return err
	}
	defer done()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-deliveries:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !ok {
				return fmt.Errorf("replay: %w", amqp.ErrClosed)
			}
			e := toEntry(d)
			if e.Offset > until {
				return nil
			}
			if err := fn(e); err != nil {
				return fmt.Errorf("replay: %w", err)
			}
			if e.Offset == until {
				return nil
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("replay: %w", err)
			}
		}
	}
}

func toEntry(d amqp.Delivery) Entry {
	n, _ := d.Headers["x-stream-offset"].(int64)
	return Entry{Offset: Offset(n), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
}

func deliver(conn *amqp.Connection, at int64) (ds <-chan amqp.Delivery, done func() error, err error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	if err = ch.Qos(100, 0, false); err == nil {
		ds, err = ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": at})
	}
	if err != nil {
		ch.Close()
	}
	return ds, ch.Close, err
}

// Who has read before goes on with "next": what it has read it needs no more, and RabbitMQ knows best what is new.
//
// In production: "next" is what comes after the consumer is there. All that was paid while the service was down, each deployment
// anew, is in no books.
//
// want TestItGoesOnWhereItStopped: "is missing"

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
	if err != nil {
		return fmt.Errorf("can't declare %s: %w", Log, err)
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	known := 0
	if err := db.QueryRow("SELECT count(*) FROM readers WHERE reader = ?", reader).Scan(&known); err != nil {
		return err
	}
	start := "first"
	if known > 0 {
		start = "next"
	}
	return each(ctx, conn, start, func(e Entry) (bool, error) {
		tx, err := db.Begin()
		if err != nil {
			return false, err
		}
		err = func() error {
			var done bool
			err := tx.QueryRow("SELECT count(*) > 0 FROM readers WHERE reader = ? AND place >= ?", reader, e.Offset).Scan(&done)
			if err != nil || done {
				return err
			}
			if err := apply(tx, e); err != nil {
				return err
			}
			_, err = tx.Exec("INSERT OR REPLACE INTO readers (reader, place) VALUES (?, ?)", reader, e.Offset)
			return err
		}()
		if err != nil {
			return false, errors.Join(err, tx.Rollback())
		}
		return false, tx.Commit()
	})
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("%d to %d?", from, until)
	}
	begun, ended := false, false
	err := each(ctx, conn, int64(from), func(e Entry) (bool, error) {
		if !begun && e.Offset > from {
			return true, &GoneError{from, e.Offset}
		}
		begun, ended = true, e.Offset >= until
		if e.Offset > until {
			return true, nil
		}
		return ended, fn(e)
	})
	if err == nil && !ended {
		return ctx.Err()
	}
	return err
}

// each calls do for entry after entry, until it is done or fails, or ctx ends.
func each(ctx context.Context, conn *amqp.Connection, start any, do func(Entry) (done bool, err error)) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	gone := ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := ch.Qos(10, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err := <-gone:
			return fmt.Errorf("channel lost: %w", err)
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("consumer cancelled, or channel lost")
			}
			if ctx.Err() != nil {
				break
			}
			offset := d.Headers["x-stream-offset"].(int64)
			done, err := do(Entry{Offset(offset), d.RoutingKey, d.MessageId, d.Body})
			if done || err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
	return nil
}

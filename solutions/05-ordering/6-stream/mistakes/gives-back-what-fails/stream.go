// Gives back what apply couldn't do (nack, requeue), and goes on with the next: as with a queue, it comes again later.
//
// In production: a stream takes nothing back. RabbitMQ 4 counts the nack as an ack, and the entry is in no books. RabbitMQ 3 closes
// the connection (540).
//
// want TestFailedEntryIsTheNext: "apply wrote order-2, and returned an error; Follow"

package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

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
	var place int64
	offset := amqp.Table{"x-stream-offset": "first"}
	switch err := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&place); err {
	case nil:
		offset["x-stream-offset"] = place
	case sql.ErrNoRows:
		place = -1
	default:
		return err
	}
	return run(ctx, conn, offset, func(d amqp.Delivery, first bool) (bool, error) {
		e := entryOf(d)
		if first && place >= 0 && e.Offset > Offset(place) {
			return false, &GoneError{Offset(place), e.Offset}
		}
		if err := handle(db, reader, e, apply); err != nil {
			slog.Warn("entry failed, giving it back", "entry", e.ID, "error", err)
			return true, d.Nack(false, true)
		}
		return true, d.Ack(false)
	})
}

func handle(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM readers WHERE reader = ? AND place >= ?", reader, e.Offset).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return nil
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT OR REPLACE INTO readers (reader, place) VALUES (?, ?)", reader, e.Offset); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("replay from %d until %d", from, until)
	}
	read := false
	err := run(ctx, conn, amqp.Table{"x-stream-offset": int64(from)}, func(d amqp.Delivery, first bool) (bool, error) {
		e := entryOf(d)
		if first && e.Offset > from {
			return false, &GoneError{from, e.Offset}
		}
		if read = e.Offset >= until; e.Offset <= until {
			if err := fn(e); err != nil {
				return false, err
			}
		}
		return !read, d.Ack(false)
	})
	if err == nil && !read {
		return ctx.Err()
	}
	return err
}

func entryOf(d amqp.Delivery) Entry {
	return Entry{Offset(d.Headers["x-stream-offset"].(int64)), d.RoutingKey, d.MessageId, d.Body}
}

// run gives do one delivery after another.
func run(ctx context.Context, conn *amqp.Connection, args amqp.Table,
	do func(d amqp.Delivery, first bool) (more bool, err error)) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	in, err := ch.Consume(Log, "", false, false, false, false, args)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-in:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return errors.New("lost the log")
			}
			if more, err := do(d, first); err != nil || !more {
				return err
			}
		}
	}
}

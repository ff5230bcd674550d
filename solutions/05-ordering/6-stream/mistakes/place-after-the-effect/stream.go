// Commits apply's work, and stores the place when that has worked: each in a statement of its own, so that neither holds up the
// other.
//
// In production: the process dies between the two. The next one begins with an entry whose effect is there, and makes it once more:
// order-7 is in the books twice.
//
// want TestCrashAtEveryStepOfTheDatabase: "was applied twice"

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
	_, err := ch.QueueDeclare(Log, true, false, false, false, amqp.Table{"x-max-age": "1Y", "x-queue-type": "stream"})
	return err
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	start, err := placeOf(db, reader)
	if err != nil {
		return err
	}
	in, err := consume(ch, start)
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
				return errors.New("the audit log has gone away")
			}
			e := entry(d)
			if place, known := start.(int64); known && first && e.Offset > Offset(place) {
				return &GoneError{Offset: Offset(place), First: e.Offset}
			}
			if err := process(db, reader, e, apply); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

func process(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	// Has it been done?
	if at, err := placeOf(db, reader); err != nil {
		return err
	} else if n, ok := at.(int64); ok && e.Offset <= Offset(n) {
		return nil
	}
	tx, err := db.Begin()
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := apply(tx, e); err != nil {
		return fmt.Errorf("apply %s: %w", e.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	_, err = db.Exec("INSERT OR REPLACE INTO readers VALUES (?, ?)", reader, e.Offset)
	return err
}

// placeOf returns where a reader begins.
func placeOf(db *sql.DB, reader string) (start any, err error) {
	var n int64
	err = db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&n)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "first", nil
	case err != nil:
		return nil, fmt.Errorf("place of %s: %w", reader, err)
	}
	return n, nil
}

func consume(ch *amqp.Channel, start any) (<-chan amqp.Delivery, error) {
	if err := ch.Qos(100, 0, false); err != nil {
		return nil, err
	}
	return ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
}

func entry(d amqp.Delivery) Entry {
	offset, _ := d.Headers["x-stream-offset"].(int64)
	return Entry{Offset: Offset(offset), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("that is no range")
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	in, err := consume(ch, int64(from))
	if err != nil {
		return err
	}
	for at := Offset(-1); at < until; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-in:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !ok {
				return errors.New("the audit log has gone away")
			}
			e := entry(d)
			if at == -1 && e.Offset > from {
				return &GoneError{Offset: from, First: e.Offset}
			}
			if at = e.Offset; at > until {
				return nil
			}
			if err := fn(e); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
	return nil
}

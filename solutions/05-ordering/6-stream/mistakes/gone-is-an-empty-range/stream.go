// Looks first whether an entry is behind the end of a replay, and only then whether the beginning is there. So a range of which
// nothing is left is an empty one.
//
// In production: the tax office asks for last May. RabbitMQ has deleted it. The report says that nothing was sold, and no error.
//
// want TestGapOfOneIsAnError: "Replay from 1 until 2 returned: <nil>"

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
	args := amqp.Table{"x-queue-type": "stream", "x-max-age": "1Y"}
	if _, err := ch.QueueDeclare(Log, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare %s: %w", Log, err)
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	places, err := db.Query("SELECT place FROM readers WHERE reader = $1", reader)
	if err != nil {
		return fmt.Errorf("place: %w", err)
	}
	at := int64(-1)
	for places.Next() {
		err = places.Scan(&at)
	}
	if err == nil {
		err = places.Err()
	}
	if closed := places.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("place: %w", err)
	}
	_, err = walk(ctx, conn, at, func(e Entry, begins bool) (bool, error) {
		if begins && at >= 0 && int64(e.Offset) > at {
			return false, &GoneError{Offset: Offset(at), First: e.Offset}
		}
		tx, err := db.Begin()
		if err != nil {
			return false, err
		}
		defer tx.Rollback()
		var done int64
		q := "SELECT coalesce(max(place), -1) FROM readers WHERE reader = $1"
		if err := tx.QueryRow(q, reader).Scan(&done); err != nil {
			return false, err
		}
		if done >= int64(e.Offset) {
			return false, nil
		}
		q = "INSERT INTO readers (reader, place) VALUES ($1, $2) ON CONFLICT (reader) DO UPDATE SET place = $2"
		if _, err := tx.Exec(q, reader, int64(e.Offset)); err != nil {
			return false, err
		}
		if err := apply(tx, e); err != nil {
			return false, fmt.Errorf("%s: %w", e.ID, err)
		}
		return false, tx.Commit()
	})
	return err
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || from > until {
		return fmt.Errorf("no range: %d-%d", from, until)
	}
	over, err := walk(ctx, conn, int64(from), func(e Entry, begins bool) (bool, error) {
		if e.Offset > until {
			return true, nil
		}
		if begins && e.Offset != from {
			return false, &GoneError{Offset: from, First: e.Offset}
		}
		return e.Offset == until, fn(e)
	})
	if err == nil && !over {
		err = context.Cause(ctx)
	}
	return err
}

// walk calls visit for the entries from at on, or from the first if at is -1, until visit says that it is over. It returns false
// and nil if ctx ends before.
func walk(ctx context.Context, conn *amqp.Connection, at int64, visit func(e Entry, begins bool) (bool, error)) (bool, error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, err
	}
	defer ch.Close()
	if err = ch.Qos(64, 0, false); err != nil {
		return false, err
	}
	table := amqp.Table{"x-stream-offset": "first"}
	if at >= 0 {
		table["x-stream-offset"] = at
	}
	incoming, err := ch.Consume(Log, "", false, false, false, false, table)
	if err != nil {
		return false, err
	}
	begins := true
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case d, ok := <-incoming:
			if ctx.Err() != nil {
				return false, nil
			}
			offset, isStream := d.Headers["x-stream-offset"].(int64)
			if !ok || !isStream {
				return false, fmt.Errorf("%s: no entry, but the end", Log)
			}
			over, err := visit(Entry{Offset: Offset(offset), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}, begins)
			if over || err != nil {
				return over, err
			}
			if begins = false; d.Ack(false) != nil {
				return false, fmt.Errorf("%s: can't ask for more", Log)
			}
		}
	}
}

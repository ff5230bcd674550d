// Consumes with auto-ack: a stream forgets nothing, so there is nothing to acknowledge.
//
// In production: acks are how RabbitMQ knows that a reader of a stream wants more, so it refuses (540), and closes the whole
// connection: whoever else works on it is thrown out too.
//
// want TestNewReaderBeginsWithTheFirst: "automatic acknowledgement not supported"

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
	_, err := ch.QueueDeclare(Log, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeStream,
		"x-max-age":       "1Y",
	})
	return err
}

// errStop ends a walk.
var errStop = errors.New("enough")

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	place := sql.NullInt64{}
	if err := db.QueryRow("SELECT max(place) FROM readers WHERE reader = ?", reader).Scan(&place); err != nil {
		return fmt.Errorf("place of %s: %w", reader, err)
	}
	from := Offset(-1)
	if place.Valid {
		from = Offset(place.Int64)
	}
	return walk(ctx, conn, from, func(e Entry) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		res, err := tx.Exec("UPDATE readers SET place = ?1 WHERE reader = ?2 AND place < ?1", e.Offset, reader)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			res, err = tx.Exec("INSERT INTO readers (place, reader) VALUES (?, ?) ON CONFLICT DO NOTHING", e.Offset, reader)
			if err != nil {
				return err
			}
			if n, _ := res.RowsAffected(); n == 0 {
				return nil
			}
		}
		if err := apply(tx, e); err != nil {
			return fmt.Errorf("apply %d: %w", e.Offset, err)
		}
		return tx.Commit()
	})
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || from > until {
		return errors.New("no such range")
	}
	err := walk(ctx, conn, from, func(e Entry) error {
		if e.Offset > until {
			return errStop
		}
		if err := fn(e); err != nil {
			return err
		}
		if e.Offset == until {
			return errStop
		}
		return nil
	})
	switch err {
	case errStop:
		return nil
	case nil:
		return context.Cause(ctx)
	}
	return err
}

// walk calls visit for the entries from an offset on, from below 0 for all, until visit returns an error or ctx ends.
func walk(ctx context.Context, conn *amqp.Connection, from Offset, visit func(Entry) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	args := amqp.Table{"x-stream-offset": "first"}
	if from >= 0 {
		args["x-stream-offset"] = int64(from)
	}
	const autoAck = true
	messages, err := ch.Consume(Log, "audit-"+fmt.Sprint(from), autoAck, false, false, false, args)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { ch.Close() })
	defer stop()
	begun := from < 0
	for m := range messages {
		if ctx.Err() != nil {
			return nil
		}
		e := Entry{Offset: Offset(m.Headers["x-stream-offset"].(int64)), Key: m.RoutingKey, ID: m.MessageId, Body: m.Body}
		if !begun && e.Offset != from {
			return &GoneError{Offset: from, First: e.Offset}
		}
		begun = true
		if err := visit(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s: lost", Log)
}

// Looks for the end of the log first, to wait for nothing: "last" is the last entry. It is the last chunk, with as many entries as
// RabbitMQ has written at once. And of an empty log there is no last.
//
// In production: at quiet times a chunk is one entry, so it works on each desk. In the rush a replay ends up to a chunk before the
// end, and before what the caller has asked for, and says that this was all.
//
// want TestReplayWaitsForItsEnd: "Replay from 3 until 5 has read [order-1]"

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
	var place any
	err := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&place)
	if errors.Is(err, sql.ErrNoRows) {
		place, err = "first", nil
	}
	if err != nil {
		return err
	}
	return listen(ctx, conn, place, func(e Entry) error { return keep(db, reader, e, apply) })
}

func keep(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	moved, err := tx.Exec("UPDATE readers SET place = ?1 WHERE reader = ?2 AND place < ?1", e.Offset, reader)
	if err != nil {
		return err
	}
	if n, err := moved.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		made, err := tx.Exec("INSERT OR IGNORE INTO readers (reader, place) VALUES (?, ?)", reader, e.Offset)
		if err != nil {
			return err
		}
		if n, err := made.RowsAffected(); err != nil || n == 0 {
			return err // it was done before
		}
	}
	if err := apply(tx, e); err != nil {
		return fmt.Errorf("%s: %w", e.ID, err)
	}
	return tx.Commit()
}

// errEnough ends listening.
var errEnough = errors.New("enough")

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("the range is the wrong way round")
	}
	end := until
	if err := listen(ctx, conn, "last", func(e Entry) error {
		end = min(end, e.Offset)
		return errEnough
	}); err != errEnough {
		return errors.Join(err, ctx.Err())
	}
	err := listen(ctx, conn, int64(from), func(e Entry) error {
		if e.Offset <= end {
			if err := fn(e); err != nil {
				return err
			}
		}
		if e.Offset >= end {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return errors.Join(err, ctx.Err())
}

// listen calls hear for the entries from a place on, until it returns an error, or ctx ends: then it returns nil.
func listen(ctx context.Context, conn *amqp.Connection, place any, hear func(Entry) error) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	in, err := ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": place})
	if err != nil {
		return err
	}
	at, exact := place.(int64)
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-in:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return fmt.Errorf("%s: consumer ended", Log)
			}
			e := Entry{Offset(d.Headers["x-stream-offset"].(int64)), d.RoutingKey, d.MessageId, d.Body}
			if exact && e.Offset > Offset(at) {
				return &GoneError{Offset(at), e.Offset}
			}
			exact = false
			if err := hear(e); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

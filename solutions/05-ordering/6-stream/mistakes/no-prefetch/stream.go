// Sets no limit for what RabbitMQ sends ahead: the channel is for one consumer alone, and every entry is wanted anyway.
//
// In production: RabbitMQ sends a stream to nobody without a limit. The audit is down from the first start (406), and what was fine
// with a classic queue in the tests of last year is not.
//
// want TestNewReaderBeginsWithTheFirst: "consumer prefetch count is not set"

package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

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
		return fmt.Errorf("declare: %w", err)
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	var start any = "first"
	var place int64
	switch err := db.QueryRow("SELECT place FROM readers WHERE reader = $1", reader).Scan(&place); {
	case err == nil:
		start = place
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	for e, err := range entries(ctx, conn, start) {
		if err != nil {
			return err
		}
		if err := once(db, reader, e, apply); err != nil {
			return fmt.Errorf("%s, entry %d: %w", reader, e.Offset, err)
		}
	}
	return nil
}

func once(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) (err error) {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var place Offset = -1
	if err := tx.QueryRow("SELECT place FROM readers WHERE reader = $1", reader).Scan(&place); err != nil && err != sql.ErrNoRows {
		return err
	}
	if e.Offset <= place {
		return nil
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	if _, err := tx.Exec("REPLACE INTO readers (reader, place) VALUES ($1, $2)", reader, e.Offset); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("from %d until %d is no range", from, until)
	}
	for e, err := range entries(ctx, conn, int64(from)) {
		if err != nil {
			return err
		}
		if e.Offset <= until {
			if err := fn(e); err != nil {
				return fmt.Errorf("entry %d: %w", e.Offset, err)
			}
		}
		if e.Offset >= until {
			return nil
		}
	}
	return fmt.Errorf("replay: %w", ctx.Err())
}

// entries are those of Log from start on: the last with an error, or without if ctx ends.
func entries(ctx context.Context, conn *amqp.Connection, start any) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		ch, err := conn.Channel()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer ch.Close()
		deliveries, err := ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
		if err != nil {
			yield(Entry{}, err)
			return
		}
		wanted, numbered := start.(int64)
		for {
			select {
			case <-ctx.Done():
				return
			case d, ok := <-deliveries:
				switch n, _ := d.Headers["x-stream-offset"].(int64); {
				case ctx.Err() != nil:
					return
				case !ok:
					yield(Entry{}, amqp.ErrClosed)
					return
				case numbered && n > wanted:
					yield(Entry{}, &GoneError{Offset(wanted), Offset(n)})
					return
				case !yield(Entry{Offset(n), d.RoutingKey, d.MessageId, d.Body}, nil):
					return
				}
				numbered = false
				if err := d.Ack(false); err != nil {
					yield(Entry{}, err)
					return
				}
			}
		}
	}
}

// Tries an entry three times before it gives up: most of what fails is over in a moment. But all tries are in one transaction, and
// what apply has written before it failed is still there.
//
// In production: apply books an order, then fails at the next table, because somebody else is at it. At the second try all goes
// well. The order is in the books twice, and no error was ever seen.
//
// want TestFailedEntryIsTheNext: "Follow does not return"

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
		return fmt.Errorf("declare %s: %w", Log, err)
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	const tries = 3
	transaction := func(e Entry) (err error) {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, tx.Rollback())
			}
		}()
		var before int64
		err = tx.QueryRow("SELECT place FROM readers WHERE reader = $1", reader).Scan(&before)
		if known := !errors.Is(err, sql.ErrNoRows); known && err != nil {
			return err
		} else if known && before >= int64(e.Offset) {
			return tx.Rollback()
		}
		for range tries {
			if err = apply(tx, e); err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
		if _, err = tx.Exec("INSERT OR REPLACE INTO readers VALUES ($1, $2)", reader, int64(e.Offset)); err != nil {
			return err
		}
		return tx.Commit()
	}

	var place *Offset
	err := db.QueryRow("SELECT max(place) FROM readers WHERE reader = $1", reader).Scan(&place)
	if err != nil {
		return err
	}
	for e, err := range entries(ctx, conn, place) {
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = transaction(e)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", reader, err)
		}
	}
	return nil
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("[%d, %d] is no range", from, until)
	}
	for e, err := range entries(ctx, conn, &from) {
		if err != nil {
			return err
		}
		if e.Offset > until {
			return nil
		}
		if err := fn(e); err != nil || e.Offset == until {
			return err
		}
	}
	return nil
}

// entries yields one entry after another, from at on; nil is the first. An error is the last that it yields.
func entries(ctx context.Context, conn *amqp.Connection, at *Offset) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := pull(ctx, conn, at, yield); err != nil {
			yield(Entry{}, err)
		}
	}
}

func pull(ctx context.Context, conn *amqp.Connection, at *Offset, yield func(Entry, error) bool) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	start := amqp.Table{"x-stream-offset": "first"}
	if at != nil {
		start["x-stream-offset"] = int64(*at)
	}
	ds, err := ch.Consume(Log, "", false, false, false, false, start)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d, ok := <-ds:
			if err := ctx.Err(); err != nil {
				return err
			}
			if !ok {
				return errors.New("the deliveries have ended")
			}
			offset, _ := d.Headers["x-stream-offset"].(int64)
			if at != nil && offset > int64(*at) {
				return &GoneError{Offset: *at, First: Offset(offset)}
			}
			at = nil
			if !yield(Entry{Offset(offset), d.RoutingKey, d.MessageId, d.Body}, nil) {
				return nil
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

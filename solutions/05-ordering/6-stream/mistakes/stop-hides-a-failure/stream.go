// Returns nil for whatever goes wrong once ctx has ended: it was asked to stop, so what fails then fails because of that.
//
// In production: apply fails at a full disk in the very second of a deployment. The deployment looks like a good one, and the line
// that would have named the disk is in no log.
//
// want TestFailureWhileItStops: "Follow returned: <nil>"

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
	args := amqp.Table{"x-queue-type": "stream", "x-max-age": "1Y"}
	if _, err := ch.QueueDeclare(Log, true, false, false, false, args); err != nil {
		return fmt.Errorf("declare %s: %w", Log, err)
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	err := follow(ctx, conn, db, reader, apply)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	place, err := placeOf(ctx, db, reader)
	if err != nil {
		return err
	}
	s, err := newScanner(ctx, conn, place)
	if err != nil {
		return err
	}
	defer s.close()
	for s.scan() {
		if err := do(db, reader, s.entry, apply); err != nil {
			return fmt.Errorf("%s, entry %d: %w", reader, s.entry.Offset, err)
		}
	}
	return s.err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// placeOf returns -1 for a reader that has none.
func placeOf(ctx context.Context, q querier, reader string) (place Offset, err error) {
	err = q.QueryRowContext(ctx, "SELECT coalesce(max(place), -1) FROM readers WHERE reader = $1", reader).Scan(&place)
	return place, err
}

func do(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	place, err := placeOf(context.Background(), tx, reader)
	if err != nil || place >= e.Offset {
		return err
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	const store = "INSERT INTO readers VALUES ($1, $2) ON CONFLICT (reader) DO UPDATE SET place = excluded.place"
	if _, err := tx.Exec(store, reader, int64(e.Offset)); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("replay: not a range")
	}
	s, err := newScanner(ctx, conn, from)
	if err != nil {
		return err
	}
	defer s.close()
	for s.scan() {
		if s.entry.Offset <= until {
			if err := fn(s.entry); err != nil {
				return fmt.Errorf("replay, entry %d: %w", s.entry.Offset, err)
			}
		}
		if s.entry.Offset >= until {
			return nil
		}
	}
	return s.err
}

// A scanner goes through Log, as a bufio.Scanner goes through a file.
type scanner struct {
	ctx        context.Context
	ch         *amqp.Channel
	deliveries <-chan amqp.Delivery
	wanted     Offset         // where it is to begin; -1 if that is over, or anywhere
	latest     *amqp.Delivery // not acked yet
	entry      Entry
	err        error
}

func newScanner(ctx context.Context, conn *amqp.Connection, from Offset) (*scanner, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	s := &scanner{ctx: ctx, ch: ch, wanted: from}
	var at any = int64(from)
	if from < 0 {
		at = "first"
	}
	err = ch.Qos(32, 0, false)
	if err == nil {
		s.deliveries, err = ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": at})
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *scanner) close() { _ = s.ch.Close() }

func (s *scanner) scan() bool {
	if s.latest != nil {
		if s.err = s.latest.Ack(false); s.err != nil {
			return false
		}
	}
	select {
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
	case d, ok := <-s.deliveries:
		s.latest = &d
		if s.err = s.ctx.Err(); s.err != nil {
			break
		}
		if !ok {
			s.err = errors.New(Log + " has ended")
			break
		}
		offset, _ := d.Headers["x-stream-offset"].(int64)
		s.entry = Entry{Offset: Offset(offset), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
		if s.wanted >= 0 && s.entry.Offset > s.wanted {
			s.err = &GoneError{Offset: s.wanted, First: s.entry.Offset}
		}
		s.wanted = -1
	}
	return s.err == nil
}

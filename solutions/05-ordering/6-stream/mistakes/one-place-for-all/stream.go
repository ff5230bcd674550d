// Keeps one place for the log, as a queue has one end. With one reader, nobody sees a difference.
//
// In production: a second reader is added, for the taxes. It begins where the auditor is, and each of them then leaves out what
// the other has read.
//
// want TestEachReaderHasItsPlace: "order-1 is missing"

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

const (
	selectPlace = `SELECT coalesce(max(place), -1) FROM readers`
	movePlace   = `INSERT INTO readers (reader, place) VALUES (?1, ?2) ON CONFLICT (reader) DO UPDATE SET place = ?2`
)

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	var place Offset
	if err := db.QueryRow(selectPlace).Scan(&place); err != nil {
		return err
	}
	source, err := subscribe(conn, place)
	if err != nil {
		return err
	}
	defer source.ch.Close()
	for {
		e, ack, err := source.receive(ctx)
		switch {
		case errors.Is(err, errEnded):
			return nil
		case err != nil:
			return err
		}
		if err := transact(db, func(tx *sql.Tx) error {
			var place Offset
			if err := tx.QueryRow(selectPlace).Scan(&place); err != nil || e.Offset <= place {
				return err
			}
			if _, err := tx.Exec(movePlace, reader, e.Offset); err != nil {
				return err
			}
			return apply(tx, e)
		}); err != nil {
			return err
		}
		if err := ack(); err != nil {
			return err
		}
	}
}

// transact commits what do does, or rolls it back.
func transact(db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("from %d until %d: nothing", from, until)
	}
	source, err := subscribe(conn, from)
	if err != nil {
		return err
	}
	defer source.ch.Close()
	for {
		e, ack, err := source.receive(ctx)
		if errors.Is(err, errEnded) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if e.Offset <= until {
			if err := fn(e); err != nil {
				return err
			}
		}
		if e.Offset >= until {
			return nil
		}
		if err := ack(); err != nil {
			return err
		}
	}
}

var errEnded = errors.New("ctx has ended")

type source struct {
	ch   *amqp.Channel
	in   <-chan amqp.Delivery
	from Offset
}

// subscribe asks for the entries from an offset on, -1 for all.
func subscribe(conn *amqp.Connection, from Offset) (*source, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	var start any = int64(from)
	if from < 0 {
		start = "first"
	}
	err = ch.Qos(100, 0, false)
	if err == nil {
		var in <-chan amqp.Delivery
		in, err = ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
		if err == nil {
			return &source{ch, in, from}, nil
		}
	}
	return nil, errors.Join(err, ch.Close())
}

func (s *source) receive(ctx context.Context) (e Entry, ack func() error, err error) {
	select {
	case <-ctx.Done():
		return e, nil, errEnded
	case d, ok := <-s.in:
		if ctx.Err() != nil {
			return e, nil, errEnded
		}
		if !ok {
			return e, nil, amqp.ErrClosed
		}
		e = Entry{Offset(d.Headers["x-stream-offset"].(int64)), d.RoutingKey, d.MessageId, d.Body}
		if s.from >= 0 && e.Offset > s.from {
			return e, nil, &GoneError{s.from, e.Offset}
		}
		s.from = -1
		return e, func() error { return d.Ack(false) }, nil
	}
}

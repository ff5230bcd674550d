// Takes the place 0 for none: a reader without a row gets a zero from the query anyway, and begins with the first. But 0 is the
// offset of the first entry.
//
// In production: a new reader is stopped after its first entry, and forgotten for a year. What RabbitMQ has deleted since then is
// in no books, and nobody is told. For all others it works, so nobody looks here.
//
// want TestGapOfOneIsAnError: "tax has read order-1, at 0"

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
	var place int64
	if err := db.QueryRow("SELECT coalesce(max(place), 0) FROM readers WHERE reader = $1", reader).Scan(&place); err != nil {
		return fmt.Errorf("place of %s: %w", reader, err)
	}
	l, err := open(conn)
	if err != nil {
		return err
	}
	defer l.ch.Close()
	if place == 0 {
		err = l.begin("first")
	} else {
		err = l.begin(place)
	}
	for begun := false; err == nil; begun = true {
		var e Entry
		if e, err = l.next(ctx); err != nil {
			break
		}
		if !begun && place > 0 && e.Offset > Offset(place) {
			return &GoneError{Offset: Offset(place), First: e.Offset}
		}
		if err := once(db, reader, e, apply); err != nil {
			return err
		}
		err = l.more()
	}
	if err == errStopped {
		return nil
	}
	return err
}

// once applies an entry, unless it was done.
func once(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	done := false
	err = tx.QueryRow("SELECT EXISTS (SELECT 1 FROM readers WHERE reader = $1 AND place >= $2)", reader, int64(e.Offset)).Scan(&done)
	if err != nil || done {
		return err
	}
	if err := apply(tx, e); err != nil {
		return fmt.Errorf("apply %d: %w", e.Offset, err)
	}
	if _, err := tx.Exec("REPLACE INTO readers (reader, place) VALUES ($1, $2)", reader, int64(e.Offset)); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || from > until {
		return fmt.Errorf("from %d until %d is no range", from, until)
	}
	l, err := open(conn)
	if err != nil {
		return err
	}
	defer l.ch.Close()
	if err := l.begin(int64(from)); err != nil {
		return err
	}
	for at := Offset(-1); at < until; {
		e, err := l.next(ctx)
		if err == errStopped {
			return ctx.Err()
		} else if err != nil {
			return err
		}
		if at < 0 && e.Offset > from {
			return &GoneError{Offset: from, First: e.Offset}
		}
		if at = e.Offset; at > until {
			break
		}
		if err := fn(e); err != nil {
			return fmt.Errorf("entry %d: %w", e.Offset, err)
		}
		if err := l.more(); err != nil {
			return err
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

// A log is an open reading of Log.
type log struct {
	ch   *amqp.Channel
	in   <-chan amqp.Delivery
	last amqp.Delivery
}

func open(conn *amqp.Connection) (*log, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	return &log{ch: ch}, nil
}

func (l *log) begin(at any) (err error) {
	if err := l.ch.Qos(50, 0, false); err != nil {
		return fmt.Errorf("qos: %w", err)
	}
	l.in, err = l.ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": at})
	return err
}

// next waits for an entry; errStopped if ctx ends.
func (l *log) next(ctx context.Context) (Entry, error) {
	ok := true
	select {
	case <-ctx.Done():
	case l.last, ok = <-l.in:
	}
	if ctx.Err() != nil {
		return Entry{}, errStopped
	}
	if !ok {
		return Entry{}, errors.New("the log is lost")
	}
	offset, _ := l.last.Headers["x-stream-offset"].(int64)
	return Entry{Offset(offset), l.last.RoutingKey, l.last.MessageId, l.last.Body}, nil
}

// more asks for one more.
func (l *log) more() error { return l.last.Ack(false) }

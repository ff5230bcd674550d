// Ends a replay when an entry comes that is behind its end. Until then it can't know that the range is over.
//
// In production: the auditor asks for all until the latest entry. At night nothing is sold, so nothing comes, and the report is
// finished when the first customer of the morning pays.
//
// want TestReplayReadsARange: "does not return"

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
	s := session{conn: conn}
	place := sql.NullInt64{}
	err := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&place)
	if err != nil && err != sql.ErrNoRows {
		return fmt.Errorf("%s: %w", reader, err)
	}
	if place.Valid {
		s.from = &place.Int64
	}
	for s.next(ctx) {
		if err := s.do(db, reader, apply); err != nil {
			s.close()
			return fmt.Errorf("%s, %s: %w", reader, s.entry.ID, err)
		}
	}
	return s.close()
}

// do applies the session's entry, unless that was done.
func (s *session) do(db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int64
	result, err := tx.Exec(`INSERT INTO readers (reader, place) VALUES (@reader, @place)
		ON CONFLICT (reader) DO UPDATE SET place = @place WHERE place < @place`,
		sql.Named("reader", reader), sql.Named("place", int64(s.entry.Offset)))
	if err == nil {
		n, err = result.RowsAffected()
	}
	if err != nil || n == 0 {
		return err
	}
	if err := apply(tx, s.entry); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("replay: no such range")
	}
	start := int64(from)
	s := session{conn: conn, from: &start}
	for s.next(ctx) && s.entry.Offset <= until {
		if err := fn(s.entry); err != nil {
			s.close()
			return fmt.Errorf("replay: %w", err)
		}
	}
	if err := s.close(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if s.entry.Offset <= until {
		return ctx.Err()
	}
	return nil
}

// A session reads Log from an offset on, from the first entry if that is nil.
type session struct {
	conn  *amqp.Connection
	from  *int64
	entry Entry

	ch   *amqp.Channel
	in   <-chan amqp.Delivery
	last amqp.Delivery
	err  error
}

func (s *session) open() error {
	var err error
	if s.ch, err = s.conn.Channel(); err != nil {
		return err
	}
	if err := s.ch.Qos(100, 0, false); err != nil {
		return err
	}
	args := amqp.Table{"x-stream-offset": "first"}
	if s.from != nil {
		args["x-stream-offset"] = *s.from
	}
	s.in, err = s.ch.Consume(Log, "", false, false, false, false, args)
	return err
}

// next waits for an entry. False: ctx has ended, or close knows why.
func (s *session) next(ctx context.Context) bool {
	if s.in == nil {
		s.err = s.open()
	} else {
		s.err = s.last.Ack(false)
	}
	if s.err != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case d, ok := <-s.in:
		if ctx.Err() != nil {
			return false
		}
		if !ok {
			s.err = amqp.ErrClosed
			return false
		}
		n := d.Headers["x-stream-offset"].(int64)
		if s.from != nil && n > *s.from {
			s.err = &GoneError{Offset(*s.from), Offset(n)}
			return false
		}
		s.from, s.last = nil, d
		s.entry = Entry{Offset(n), d.RoutingKey, d.MessageId, d.Body}
		return true
	}
}

// close returns what ended the session, nil if it was ctx or the caller.
func (s *session) close() error {
	if s.ch != nil {
		s.ch.Close()
	}
	return s.err
}

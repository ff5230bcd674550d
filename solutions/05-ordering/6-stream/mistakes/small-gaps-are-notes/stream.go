// Asks for the entry after its place, and allows for RabbitMQ's own notes: a few numbers that are left out are nothing, many are a
// loss.
//
// In production: an entry with a scanned invoice fills a segment by itself. RabbitMQ deletes one that nobody has read, and only a
// few numbers are missing. No error, no order in the books.
//
// want TestGapOfOneIsAnError: "Follow has ended: false"

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

// notes is how many numbers RabbitMQ may use up for itself in one place.
const notes = 5

// A position is what the next entry is expected to be. Its zero value expects nothing.
type position struct {
	known bool
	next  Offset
}

// gap returns an error if an entry is too far from what was expected.
func (p position) gap(e Entry) error {
	if p.known && e.Offset > p.next+notes {
		return &GoneError{Offset: p.next, First: e.Offset}
	}
	return nil
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	var p position
	err := db.QueryRow("SELECT place + 1 FROM readers WHERE reader = ?", reader).Scan(&p.next)
	switch {
	case err == nil:
		p.known = true
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	ch, in, err := p.consume(conn)
	if err != nil {
		return err
	}
	defer ch.Close()
	for ctx.Err() == nil {
		e, ack, err := receive(ctx, in)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if err := p.gap(e); err != nil {
			var gone *GoneError
			if errors.As(err, &gone) {
				gone.Offset-- // the one that was read last
			}
			return err
		}
		p = position{true, e.Offset + 1}
		if err := write(db, reader, e, apply); err != nil {
			return fmt.Errorf("write %s: %w", e.ID, err)
		}
		if err := ack(); err != nil {
			return err
		}
	}
	return nil
}

func write(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	res, err := tx.Exec(`INSERT INTO readers (reader, place) VALUES (?, ?)
		ON CONFLICT (reader) DO UPDATE SET place = excluded.place WHERE excluded.place > place`, reader, e.Offset)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n != 1 {
		return err
	}
	if err := apply(tx, e); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("from is behind until")
	}
	p := position{true, from}
	ch, in, err := p.consume(conn)
	if err != nil {
		return err
	}
	defer ch.Close()
	for {
		e, ack, err := receive(ctx, in)
		if err != nil {
			return err
		}
		if err := p.gap(e); err != nil {
			return err
		}
		if e.Offset > until {
			return nil
		}
		if err := fn(e); err != nil || e.Offset == until {
			return err
		}
		p.next = e.Offset + 1
		if err := ack(); err != nil {
			return err
		}
	}
}

func (p position) consume(conn *amqp.Connection) (*amqp.Channel, <-chan amqp.Delivery, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	if err := ch.Qos(100, 0, false); err != nil {
		return nil, nil, errors.Join(err, ch.Close())
	}
	args := amqp.Table{"x-stream-offset": "first"}
	if p.known {
		args["x-stream-offset"] = int64(p.next)
	}
	in, err := ch.Consume(Log, "", false, false, false, false, args)
	if err != nil {
		return nil, nil, errors.Join(err, ch.Close())
	}
	return ch, in, nil
}

// receive waits for an entry. When ctx has ended, it returns ctx's error.
func receive(ctx context.Context, in <-chan amqp.Delivery) (e Entry, ack func() error, err error) {
	select {
	case <-ctx.Done():
	case d, ok := <-in:
		if !ok {
			return e, nil, fmt.Errorf("the deliveries of %s have ended", Log)
		}
		n, _ := d.Headers["x-stream-offset"].(int64)
		e = Entry{Offset: Offset(n), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
		ack = func() error { return d.Ack(false) }
	}
	return e, ack, ctx.Err()
}

// Takes the entry first, as a message is taken out of a queue: the place is moved and committed, then apply begins. So no second
// process begins the same entry.
//
// In production: the process is killed while apply works. Its place is behind the entry, its effect nowhere, and nobody reads the
// entry again.
//
// want TestKilledProcessAppliesItOnce: "order-2 is missing"

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
	_, err := ch.QueueDeclare(Log, true, false, false, false, amqp.Table{"x-queue-type": "stream", "x-max-age": "1Y"})
	return err
}

// A follower is a reader at work.
type follower struct {
	db    *sql.DB
	name  string
	apply func(*sql.Tx, Entry) error
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	f := follower{db, reader, apply}
	start, err := f.start()
	if err != nil {
		return err
	}
	c, err := open(conn, start)
	if err != nil {
		return err
	}
	defer c.ch.Close()
	for {
		e, err := c.next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f.do(e); err != nil {
			return fmt.Errorf("%s at %d: %w", reader, e.Offset, err)
		}
	}
}

// start says where to begin: at the entry that was done last, or at the first.
func (f *follower) start() (any, error) {
	var place int64
	err := f.db.QueryRow("SELECT place FROM readers WHERE reader = ?", f.name).Scan(&place)
	if err == sql.ErrNoRows {
		return "first", nil
	}
	return place, err
}

// take moves the place to an entry, and says whether it was before it.
func (f *follower) take(e Entry) (bool, error) {
	res, err := f.db.Exec(`INSERT INTO readers (reader, place) VALUES (?, ?)
		ON CONFLICT (reader) DO UPDATE SET place = excluded.place WHERE excluded.place > readers.place`, f.name, e.Offset)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func (f *follower) do(e Entry) error {
	mine, err := f.take(e)
	if err != nil || !mine {
		return err
	}
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	if err := f.apply(tx, e); err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("no range: %d to %d", from, until)
	}
	c, err := open(conn, int64(from))
	if err != nil {
		return err
	}
	defer c.ch.Close()
	for {
		e, err := c.next(ctx)
		if err != nil {
			return err
		}
		if e.Offset > until {
			return nil
		}
		if err := fn(e); err != nil {
			return err
		}
		if e.Offset == until {
			return nil
		}
	}
}

// A cursor goes through Log.
type cursor struct {
	ch       *amqp.Channel
	messages <-chan amqp.Delivery
	last     *amqp.Delivery // acked when the next is asked for
	must     int64          // the offset with which it must begin; -1: with any
}

func open(conn *amqp.Connection, start any) (*cursor, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	c := &cursor{ch: ch, must: -1}
	if n, ok := start.(int64); ok {
		c.must = n
	}
	if err = ch.Qos(50, 0, false); err == nil {
		c.messages, err = ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
	}
	if err != nil {
		ch.Close()
		return nil, fmt.Errorf("read %s: %w", Log, err)
	}
	return c, nil
}

// next returns the next entry. When ctx has ended it returns ctx's error.
func (c *cursor) next(ctx context.Context) (Entry, error) {
	if c.last != nil {
		if err := c.last.Ack(false); err != nil {
			return Entry{}, err
		}
	}
	if ctx.Err() != nil {
		return Entry{}, ctx.Err()
	}
	select {
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	case d, ok := <-c.messages:
		if !ok {
			return Entry{}, amqp.ErrClosed
		}
		n, _ := d.Headers["x-stream-offset"].(int64)
		if c.must >= 0 && n > c.must {
			return Entry{}, &GoneError{Offset(c.must), Offset(n)}
		}
		c.last, c.must = &d, -1
		return Entry{Offset(n), d.RoutingKey, d.MessageId, d.Body}, nil
	}
}

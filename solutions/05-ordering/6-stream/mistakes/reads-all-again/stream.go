// Reads from the first entry on, each time, and skips what is before the place: so it needs no special case, for a new reader or
// for one that was here before.
//
// In production: it is quick in the first week. After a year each restart reads 40 million entries to find the three that are new.
//
// want TestItGoesOnWhereItStopped: "entries that are before"

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

// none is before all offsets.
const none = Offset(-1)

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	begin, err := place(db, reader)
	if err != nil {
		return err
	}
	return walk(ctx, conn, begin, func(e Entry) (bool, error) {
		if e.Offset <= begin {
			return true, nil
		}
		tx, err := db.Begin()
		if err != nil {
			return false, err
		}
		defer tx.Rollback()
		switch now, err := place(tx, reader); {
		case err != nil:
			return false, err
		case e.Offset <= now:
			return true, nil
		}
		if err := apply(tx, e); err != nil {
			return false, err
		}
		_, err = tx.Exec("INSERT INTO readers VALUES (?1, ?2) ON CONFLICT (reader) DO UPDATE SET place = ?2", reader, e.Offset)
		if err != nil {
			return false, err
		}
		return true, tx.Commit()
	})
}

// place returns where a reader is, read through a database or a transaction.
func place(q interface{ QueryRow(string, ...any) *sql.Row }, reader string) (Offset, error) {
	at := none
	err := q.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return none, nil
	}
	return at, err
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("from %d until %d", from, until)
	}
	over := false
	err := walk(ctx, conn, from, func(e Entry) (bool, error) {
		over = e.Offset >= until
		if e.Offset < from || e.Offset > until {
			return !over, nil
		}
		return !over, fn(e)
	})
	if err == nil && !over {
		err = ctx.Err()
	}
	return err
}

// walk visits all entries of Log, of which must is one, if it isn't none.
func walk(ctx context.Context, conn *amqp.Connection, must Offset, visit func(Entry) (bool, error)) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	in, err := ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-in:
			if ctx.Err() != nil {
				return nil
			}
			if !ok {
				return errors.New("the log is lost")
			}
			e := Entry{Offset(d.Headers["x-stream-offset"].(int64)), d.RoutingKey, d.MessageId, d.Body}
			if first && must != none && e.Offset > must {
				return &GoneError{must, e.Offset}
			}
			more, err := visit(e)
			if err != nil || !more {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

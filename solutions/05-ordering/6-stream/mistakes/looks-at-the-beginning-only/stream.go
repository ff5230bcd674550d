// Looks at its place once, when it begins, and counts on by itself. It is the only one that moves it.
//
// In production: at a deployment the new process runs a moment before the old one has ended. Both have read the same place, and
// both apply what comes then.
//
// want TestTwoProcessesAreOneReader: "was applied twice"

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

// A tail is Log from an offset on.
type tail struct {
	conn *amqp.Connection
	from Offset // below 0: all
}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	place := Offset(-1)
	err := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&place)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = db.Exec("INSERT OR IGNORE INTO readers (reader, place) VALUES (?, -1)", reader)
	}
	if err != nil {
		return err
	}
	r := tail{conn, place}
	err = r.read(ctx, func(e Entry) error {
		if e.Offset <= place {
			return nil // done before
		}
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := apply(tx, e); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE readers SET place = ? WHERE reader = ?", e.Offset, reader); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		place = e.Offset
		return nil
	})
	if err == errCtx {
		return nil
	}
	return err
}

var (
	errCtx  = errors.New("ctx has ended")
	errOver = errors.New("all is read")
)

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || from > until {
		return fmt.Errorf("from %d until %d", from, until)
	}
	r := tail{conn, from}
	switch err := r.read(ctx, func(e Entry) error {
		if e.Offset <= until {
			if err := fn(e); err != nil {
				return err
			}
		}
		if e.Offset >= until {
			return errOver
		}
		return nil
	}); err {
	case errOver:
		return nil
	case errCtx:
		return fmt.Errorf("replay: %w", ctx.Err())
	default:
		return err
	}
}

// read calls do for each entry, and returns its error, errCtx, or what went wrong.
func (r tail) read(ctx context.Context, do func(Entry) error) error {
	ch, err := r.conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(64, 0, false); err != nil {
		return err
	}
	var at any = "first"
	if r.from >= 0 {
		at = int64(r.from)
	}
	in, err := ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": at})
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return errCtx
		case d, ok := <-in:
			if ctx.Err() != nil {
				return errCtx
			}
			if !ok {
				return fmt.Errorf("%s is lost", Log)
			}
			e := Entry{Offset(d.Headers["x-stream-offset"].(int64)), d.RoutingKey, d.MessageId, d.Body}
			if r.from >= 0 && e.Offset > r.from {
				return &GoneError{r.from, e.Offset}
			}
			r.from = -1
			if err := do(e); err != nil {
				return err
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

// Acks nothing: an ack tells RabbitMQ to forget a message, and a stream must forget nothing.
//
// In production: RabbitMQ sends as many as the prefetch says, and waits for acks. The books stand still after about a hundred
// entries. Nothing fails, nothing is logged, and after a restart it is another hundred.
//
// want TestAllOfALongLogIsRead: "is missing"

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

// A handler gets entries. It returns false if it wants no more.
type handler func(Entry) (bool, error)

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	var place sql.Null[int64]
	err := db.QueryRow("SELECT place FROM readers WHERE reader = ?", reader).Scan(&place)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("follow as %s: %w", reader, err)
	}
	return consume(ctx, conn, place, func(e Entry) (bool, error) {
		return true, inTransaction(db, func(tx *sql.Tx) error {
			var seen bool
			if err := tx.QueryRow("SELECT EXISTS (SELECT * FROM readers WHERE reader = ? AND place >= ?)",
				reader, e.Offset).Scan(&seen); err != nil || seen {
				return err
			}
			if err := apply(tx, e); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO readers VALUES (?1, ?2) ON CONFLICT (reader) DO UPDATE SET place = ?2", reader, e.Offset)
			return err
		})
	})
}

func inTransaction(db *sql.DB, work func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("no entries from %d until %d", from, until)
	}
	complete := false
	err := consume(ctx, conn, sql.Null[int64]{V: int64(from), Valid: true}, func(e Entry) (bool, error) {
		complete = e.Offset >= until
		if e.Offset > until {
			return false, nil
		}
		return !complete, fn(e)
	})
	if err != nil {
		return err
	}
	if !complete {
		return fmt.Errorf("replay ended early: %w", ctx.Err())
	}
	return nil
}

// consume gives h the entries from an offset on, or all.
func consume(ctx context.Context, conn *amqp.Connection, from sql.Null[int64], h handler) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	args := make(amqp.Table)
	if args["x-stream-offset"] = "first"; from.Valid {
		args["x-stream-offset"] = from.V
	}
	deliveries, err := ch.Consume(Log, "", false, false, false, false, args)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ch.Close() })()
	for d := range deliveries {
		if ctx.Err() != nil {
			break
		}
		e := Entry{Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
		if n, ok := d.Headers["x-stream-offset"].(int64); ok {
			e.Offset = Offset(n)
		}
		if from.Valid && e.Offset > Offset(from.V) {
			return &GoneError{Offset(from.V), e.Offset}
		}
		from.Valid = false
		more, err := h(e)
		if err != nil || !more {
			return err
		}
	}
	if ctx.Err() == nil {
		return errors.New("the deliveries have ended")
	}
	return nil
}

// Asks ctx when the replay is over, as one does after each loop that it may have ended: then it isn't whole. But it may have ended
// after the last entry.
//
// In production: an hour of replay for a report, limited to an hour. All entries were read, and the report is thrown away.
//
// want TestReplayStopsWithItsCtx: "fn had the only entry of a range"

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
	var at sql.NullInt64
	err := db.QueryRow("SELECT place FROM readers WHERE reader = $1", reader).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the place: %w", err)
	}
	begin := Offset(-1)
	if at.Valid {
		begin = Offset(at.Int64)
	}
	return forEach(ctx, conn, begin, func(e Entry) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		r, err := tx.Exec(`INSERT INTO readers (reader, place) SELECT $1, $2
			WHERE NOT EXISTS (SELECT 1 FROM readers WHERE reader = $1 AND place >= $2)
			ON CONFLICT (reader) DO UPDATE SET place = $2`, reader, int64(e.Offset))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); n == 0 || err != nil {
			return err
		}
		if err := apply(tx, e); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("there is nothing from %d until %d", from, until)
	}
	err := forEach(ctx, conn, from, func(e Entry) error {
		if e.Offset > until {
			return errEnough
		}
		if err := fn(e); err != nil {
			return err
		}
		if e.Offset == until {
			return errEnough
		}
		return nil
	})
	if ctx.Err() != nil {
		return fmt.Errorf("replay: %w", errors.Join(ctx.Err(), err))
	}
	return err
}

// errEnough ends forEach, and is no error.
var errEnough = errors.New("enough")

func forEach(ctx context.Context, conn *amqp.Connection, begin Offset, f func(Entry) error) (err error) {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return err
	}
	args := amqp.Table{"x-stream-offset": int64(begin)}
	if begin < 0 {
		args["x-stream-offset"] = "first"
	}
	log, err := ch.Consume(Log, "", false, false, false, false, args)
	if err != nil {
		return err
	}
	for ; ctx.Err() == nil; begin = -1 {
		var d amqp.Delivery
		select {
		case <-ctx.Done():
		case d = <-log:
		}
		if ctx.Err() != nil {
			break
		}
		n, ok := d.Headers["x-stream-offset"].(int64)
		if !ok {
			return errors.New("the log is lost")
		}
		if begin >= 0 && Offset(n) > begin {
			return &GoneError{Offset: begin, First: Offset(n)}
		}
		switch err := f(Entry{Offset: Offset(n), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}); {
		case err == errEnough:
			return nil
		case err != nil:
			return fmt.Errorf("entry %d: %w", n, err)
		}
		if err := d.Ack(false); err != nil {
			return err
		}
	}
	return nil
}

// Remembers the place of each reader in a variable. Follow may end and be called again, and goes on where it stopped: that is
// how it was tried.
//
// In production: the process is what ends. The next one knows nothing, begins with the first entry, and books a whole year again.
//
// want TestKilledProcessAppliesItOnce: "order-1 was applied twice"

package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

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

// places are where the readers of each database are.
var places = struct {
	sync.Mutex
	of map[string]Offset
}{of: map[string]Offset{}}

// Follow calls apply for each entry of Log from where reader stopped.
func Follow(ctx context.Context, conn *amqp.Connection, db *sql.DB, reader string, apply func(*sql.Tx, Entry) error) error {
	name := ""
	if err := db.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&name); err != nil {
		return err
	}
	name += "#" + reader
	places.Lock()
	from, known := places.of[name]
	places.Unlock()
	if !known {
		from = -1
	}
	_, err := scan(ctx, conn, from, func(e Entry) (bool, error) {
		places.Lock()
		defer places.Unlock()
		if last, ok := places.of[name]; ok && e.Offset <= last {
			return true, nil
		}
		tx, err := db.Begin()
		if err != nil {
			return false, err
		}
		defer tx.Rollback()
		if err := apply(tx, e); err != nil {
			return false, err
		}
		if err := tx.Commit(); err != nil {
			return false, err
		}
		places.of[name] = e.Offset
		return true, nil
	})
	return err
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("until is before from")
	}
	last, err := scan(ctx, conn, from, func(e Entry) (bool, error) {
		if e.Offset > until {
			return false, nil
		}
		return e.Offset < until, fn(e)
	})
	if err == nil && last < until {
		err = ctx.Err()
	}
	return err
}

// scan calls fn for the entries from an offset on, -1 for all. It returns the last offset that it saw.
func scan(ctx context.Context, conn *amqp.Connection, from Offset, fn func(Entry) (bool, error)) (last Offset, err error) {
	last = -1
	ch, err := conn.Channel()
	if err != nil {
		return last, err
	}
	defer ch.Close()
	if err := ch.Qos(100, 0, false); err != nil {
		return last, err
	}
	start := amqp.Table{"x-stream-offset": int64(from)}
	if from < 0 {
		start = amqp.Table{"x-stream-offset": "first"}
	}
	in, err := ch.Consume(Log, "", false, false, false, false, start)
	if err != nil {
		return last, err
	}
	for {
		if ctx.Err() != nil {
			return last, nil
		}
		var d amqp.Delivery
		ok := true
		select {
		case <-ctx.Done():
			continue
		case d, ok = <-in:
		}
		if !ok {
			return last, fmt.Errorf("%s: no more entries", Log)
		}
		if ctx.Err() != nil {
			continue
		}
		n := Offset(d.Headers["x-stream-offset"].(int64))
		if from >= 0 && last < 0 && n > from {
			return last, &GoneError{from, n}
		}
		last = n
		goOn, err := fn(Entry{n, d.RoutingKey, d.MessageId, d.Body})
		if err != nil || !goOn {
			return last, err
		}
		if err := d.Ack(false); err != nil {
			return last, err
		}
	}
}

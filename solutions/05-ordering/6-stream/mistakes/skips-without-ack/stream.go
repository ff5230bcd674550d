// Goes on at once with an entry that another process has done: there is nothing to do, so there is nothing to acknowledge.
//
// In production: RabbitMQ sends a hundred entries, and then waits for acks. Two processes run, one skips what the other does. After
// a hundred skipped entries it gets nothing any more. It is noticed when the other one ends, and the books stand still.
//
// want TestSlowProcessTakesOver: "order-251 is missing"

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
	var start any = "first"
	var place int64
	switch err := db.QueryRow("SELECT place FROM readers WHERE reader = $1", reader).Scan(&place); {
	case err == nil:
		start = place
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	entries, closeChannel, err := subscribe(conn, start)
	if err != nil {
		return err
	}
	defer closeChannel()
	checked := start == "first"
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-entries:
			if ctx.Err() != nil {
				return nil
			} else if !ok {
				return errors.New("no more entries: something is lost")
			}
			e := decode(d)
			if !checked && int64(e.Offset) > place {
				return &GoneError{Offset(place), e.Offset}
			}
			checked = true
			applied, err := work(db, reader, e, apply)
			if err != nil {
				return fmt.Errorf("entry %d: %w", e.Offset, err)
			}
			if !applied {
				continue // another process was faster
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

// work tells whether it has applied e.
func work(db *sql.DB, reader string, e Entry, apply func(*sql.Tx, Entry) error) (bool, error) {
	tx, err := db.Begin()
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	const move = `INSERT INTO readers (reader, place) VALUES ($1, $2)
		ON CONFLICT (reader) DO UPDATE SET place = $2 WHERE readers.place < $2`
	result, err := tx.Exec(move, reader, int64(e.Offset))
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	if err != nil || rows == 0 {
		return false, err
	}
	if err := apply(tx, e); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return errors.New("replay: from and until are mixed up")
	}
	entries, closeChannel, err := subscribe(conn, int64(from))
	if err != nil {
		return err
	}
	defer closeChannel()
	for begun := false; ; begun = true {
		var d amqp.Delivery
		var ok bool
		select {
		case <-ctx.Done():
		case d, ok = <-entries:
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !ok {
			return errors.New("no more entries: something is lost")
		}
		e := decode(d)
		switch {
		case !begun && e.Offset > from:
			return &GoneError{from, e.Offset}
		case e.Offset > until:
			return nil
		}
		if err := fn(e); err != nil || e.Offset == until {
			return err
		}
		if err := d.Ack(false); err != nil {
			return err
		}
	}
}

func subscribe(conn *amqp.Connection, start any) (<-chan amqp.Delivery, func() error, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	err = ch.Qos(100, 0, false)
	if err == nil {
		var entries <-chan amqp.Delivery
		if entries, err = ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": start}); err == nil {
			return entries, ch.Close, nil
		}
	}
	_ = ch.Close()
	return nil, nil, fmt.Errorf("subscribe to %s: %w", Log, err)
}

func decode(d amqp.Delivery) Entry {
	n, _ := d.Headers["x-stream-offset"].(int64)
	return Entry{Offset: Offset(n), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
}

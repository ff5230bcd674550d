// Looks up the reader's place with ctx, and returns whatever goes wrong there. If ctx ends just then, that is an error of
// database/sql.
//
// In production: a deployment that is rolled back at once, a pod that is moved while the database is slow: the service reports that
// its database failed. The one who is called finds a healthy one.
//
// want TestStopAtEveryStep: "Follow was stopped at step 1 of the database"

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
	a := auditor{db: db, name: reader, apply: apply}
	if err := a.load(ctx); err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	queue, err := listen(ch, a.start())
	if err != nil {
		return err
	}
	for {
		d, err := receive(ctx, queue)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = a.handle(d)
		}
		if err == nil {
			err = d.Ack(false)
		}
		if err != nil {
			return fmt.Errorf("follow %s as %s: %w", Log, reader, err)
		}
	}
}

// An auditor is a reader at work.
type auditor struct {
	db    *sql.DB
	name  string
	apply func(*sql.Tx, Entry) error
	from  sql.Null[int64] // its place at the beginning, until it is seen
}

func (a *auditor) load(ctx context.Context) error {
	err := a.db.QueryRowContext(ctx, "SELECT place FROM readers WHERE reader = $1", a.name).Scan(&a.from)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (a *auditor) start() any {
	if a.from.Valid {
		return a.from.V
	}
	return "first"
}

func (a *auditor) handle(d amqp.Delivery) error {
	e := parse(d)
	if a.from.Valid && e.Offset > Offset(a.from.V) {
		return &GoneError{Offset: Offset(a.from.V), First: e.Offset}
	}
	a.from.Valid = false
	tx, err := a.db.Begin()
	if err != nil {
		return err
	}
	if err := a.inside(tx, e); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

func (a *auditor) inside(tx *sql.Tx, e Entry) error {
	if _, err := tx.Exec("INSERT INTO readers (reader, place) VALUES ($1, -1) ON CONFLICT DO NOTHING", a.name); err != nil {
		return err
	}
	r, err := tx.Exec("UPDATE readers SET place = $2 WHERE reader = $1 AND place < $2", a.name, int64(e.Offset))
	if err != nil {
		return err
	}
	if moved, err := r.RowsAffected(); err != nil || moved == 0 {
		return err
	}
	return a.apply(tx, e)
}

// Replay calls fn for the entries of Log from one offset to another.
func Replay(ctx context.Context, conn *amqp.Connection, from, until Offset, fn func(Entry) error) error {
	if from < 0 || until < from {
		return fmt.Errorf("replay from %d until %d: no", from, until)
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	queue, err := listen(ch, int64(from))
	if err != nil {
		return err
	}
	d, err := receive(ctx, queue)
	if e := parse(d); err == nil && e.Offset > from {
		return &GoneError{Offset: from, First: e.Offset}
	}
	for ; err == nil; d, err = receive(ctx, queue) {
		e := parse(d)
		if e.Offset <= until {
			err = fn(e)
		}
		if err != nil || e.Offset >= until {
			return err
		}
		if err := d.Ack(false); err != nil {
			return err
		}
	}
	return err
}

func listen(ch *amqp.Channel, at any) (<-chan amqp.Delivery, error) {
	if err := ch.Qos(20, 0, false); err != nil {
		return nil, err
	}
	return ch.Consume(Log, "", false, false, false, false, amqp.Table{"x-stream-offset": at})
}

// receive waits for the next one. The end of ctx goes before.
func receive(ctx context.Context, queue <-chan amqp.Delivery) (d amqp.Delivery, err error) {
	open := true
	select {
	case d, open = <-queue:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return d, ctx.Err()
	}
	if !open {
		return d, errors.New("lost")
	}
	return d, nil
}

func parse(d amqp.Delivery) Entry {
	at, _ := d.Headers["x-stream-offset"].(int64)
	return Entry{Offset: Offset(at), Key: d.RoutingKey, ID: d.MessageId, Body: d.Body}
}

// Package outbox sends messages with the change that they tell of, or not at all: a transaction writes both, and the relay
// publishes what was committed, takes it out when RabbitMQ has confirmed it, and never gives up.
//
// It sends at least once: a relay that dies between the confirm and the end of its transaction leaves a row that the next one
// publishes again. The message has the same ID then, and the inbox of who gets it knows it.
package outbox

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"maps"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the table of the outbox.
var Migrations = store.Migrations{Name: "outbox", FS: migrations}

// A Box is the outbox of a service, in the service's own database, which was opened with Migrations.
type Box struct {
	db      *store.DB
	service string
	now     func() time.Time
	enqueue []func(context.Context, *events.Message)
	wake    chan struct{} // has one if something was committed that no relay has looked for
}

// New returns the outbox of a service. enqueue is called for each message when it is sent, in the sender's context, before it
// is stored: so trace context survives the box. It may add headers. now is time.Now if nil.
func New(db *store.DB, service string, now func() time.Time, enqueue ...func(context.Context, *events.Message)) *Box {
	if now == nil {
		now = time.Now
	}
	return &Box{db: db, service: service, now: now, enqueue: enqueue, wake: make(chan struct{}, 1)}
}

// A Tx is a transaction that also sends. It is for one goroutine.
type Tx struct {
	store.Querier
	box  *Box
	sent []events.Message
}

// Send sends a message if, and only if, the transaction is committed. m.Service and m.Time are set by the box, to milliseconds;
// what About says of them doesn't count. What is sent together is published in the order of Send.
func (tx *Tx) Send(ctx context.Context, p events.Payload, a events.About) error {
	m, err := events.New(p, a)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return tx.SendMessage(ctx, m)
}

// SendMessage is Send for a message that was made by events.New, and perhaps sent before: a saga that asks once more does so
// with the same ID. Whether the first copy still waits in the box doesn't matter.
func (tx *Tx) SendMessage(ctx context.Context, m events.Message) error {
	m.Service, m.Time = tx.box.service, time.UnixMilli(tx.box.now().UnixMilli())
	m.Headers = maps.Clone(m.Headers) // the hooks may write into it
	for _, f := range tx.box.enqueue {
		f(ctx, &m)
	}
	tx.sent = append(tx.sent, m)
	return nil
}

// Do runs fn in a transaction, stores what it sends, commits if it returns nil, and wakes the relay. For the rest see
// store.DB.Do.
func (b *Box) Do(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	var sent int
	err := b.db.Do(ctx, func(q store.Querier) error {
		tx := &Tx{Querier: q, box: b}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		sent = len(tx.sent)
		if sent == 0 {
			return nil
		}
		err := b.insert(ctx, q, tx.sent)
		failpoint.Reach("outbox.stored")
		return err
	})
	if err == nil && sent > 0 {
		failpoint.Reach("outbox.committed")
	}
	if sent > 0 { // after an error too: a commit whose answer is lost may have happened
		select {
		case b.wake <- struct{}{}:
		default: // a relay is on its way
		}
	}
	return err
}

// stuck is how often RabbitMQ must refuse a message before Oldest leaves it out: about 50 seconds.
const stuck = 10

// Oldest returns when the oldest message was stored that is not confirmed yet. ok is false if all are. What RabbitMQ has
// refused ten times doesn't count: something is wrong with that message, not with the way to RabbitMQ. It is tried and logged
// still.
func (b *Box) Oldest(ctx context.Context) (at time.Time, ok bool, err error) {
	var ms int64
	err = b.db.QueryRowContext(ctx, "SELECT stored_at FROM outbox WHERE attempts < $1 ORDER BY seq LIMIT 1", stuck).Scan(&ms)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, false, nil
	case err != nil:
		return time.Time{}, false, fmt.Errorf("look for the oldest message of the outbox: %w", err)
	}
	return time.UnixMilli(ms), true, nil
}

// Pending returns how many are not confirmed yet.
func (b *Box) Pending(ctx context.Context) (int64, error) {
	var n int64
	if err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM outbox").Scan(&n); err != nil {
		return 0, fmt.Errorf("count the messages of the outbox: %w", err)
	}
	return n, nil
}

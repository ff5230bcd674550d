// Lets the effect happen, and marks it last. If the mark is there already, all is rolled back: nothing happens twice.
// In production: order-8 took the last teapot, and comes again. Its effect is tried before anybody looks at the mark, finds no
// teapot, and fails: an order that was done ends among the dead letters as sold out.
//
// want TestLastPieceIsReservedOnce: "there are no teapots left"

package idempotent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Message is what a consumer knows of one delivery.
type Message struct {
	ID          string    // its message id: the sender gave it, once, and keeps it when it sends again (03/5)
	Redelivered bool      // RabbitMQ has delivered it before, to somebody
	Sent        time.Time // when the sender made it
	Body        []byte
}

// An Effect is what a message is to change in the database.
type Effect func(ctx context.Context, tx *sql.Tx) error

// Setup makes the table of what was done.
func Setup(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (id TEXT UNIQUE NOT NULL, done_at INTEGER NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %s: %w", m.ID, err)
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, done_at) VALUES (?, ?) ON CONFLICT DO NOTHING", m.ID, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("mark %s: %w", m.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return false, fmt.Errorf("mark %s: %w", m.ID, err)
	} else if n == 0 {
		return false, tx.Rollback() // a copy: undo its effect
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit %s: %w", m.ID, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

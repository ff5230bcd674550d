// Rolls back wherever an error is returned. A panic returns nothing.
// In production: the consumer survives panics (04/3), and parks the message. The transaction is still there, with the right to
// write: from then on each message waits, in every program, until this one is started again.
//
// want TestPanicStoresNothing: "left open in the database: 1"

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
	_, err := db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS inbox (
			id      TEXT    PRIMARY KEY,
			done_at INTEGER NOT NULL
		)`)
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
	done, err = apply(ctx, tx, m, now, effect)
	if err != nil || !done {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			return false, errors.Join(err, undo)
		}
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

func apply(ctx context.Context, tx *sql.Tx, m Message, now time.Time, effect Effect) (bool, error) {
	res, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, done_at) VALUES (?, ?) ON CONFLICT DO NOTHING", m.ID, now.Unix())
	if err != nil {
		return false, fmt.Errorf("mark: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.Unix())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

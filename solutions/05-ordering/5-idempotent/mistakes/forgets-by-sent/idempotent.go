// Remembers when the message was sent, which it says itself, instead of when it was done.
// In production: a message from the dead letter queue is a month old when somebody replays it. It is done, and forgotten the same
// night. The replay is repeated in the morning, since one of a thousand had failed: all thousand are done once more.
//
// want TestForgetGoesByWhenItWasDone: "returned 1"

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
	const table = "CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, sent INTEGER NOT NULL) WITHOUT ROWID"
	_, err := db.ExecContext(ctx, table)
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	at := m.Sent
	if at.IsZero() {
		at = now
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	r, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, sent) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", m.ID, at.Unix())
	if err != nil {
		return false, fmt.Errorf("mark: %w", err)
	}
	if rows, err := r.RowsAffected(); err != nil {
		return false, fmt.Errorf("mark: %w", err)
	} else if rows == 0 {
		return false, nil
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE sent < ?", before.Unix())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

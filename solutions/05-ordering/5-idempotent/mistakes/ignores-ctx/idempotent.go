// Works without a deadline, so that what has come is always finished.
// In production: the service is told to stop. Its consumer still begins one message after another, waits for the database as long
// as that takes, and is killed in the middle.
//
// want TestEndedCtxDoesNothing: "ctx had ended before Apply was called; Apply returned true"
// want TestEndOfCtxWhileItWaitsDoesNothing: "another program was writing when ctx ended; Apply returned true"

package idempotent

import (
	"context"
	"database/sql"
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
	_, err := db.Exec("CREATE TABLE IF NOT EXISTS handled_messages (message_id TEXT PRIMARY KEY, handled_ms INTEGER NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	switch {
	case m.ID == "":
		err = fmt.Errorf("a message of %d bytes has no id", len(m.Body))
	default:
		done, err = handle(context.WithoutCancel(ctx), db, m.ID, now, effect) // the trace in ctx goes on
	}
	return done, err
}

func handle(ctx context.Context, db *sql.DB, id string, now time.Time, effect Effect) (bool, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("handle %s: %w", id, err)
	}
	defer tx.Rollback()
	var known bool
	if err := tx.QueryRow("SELECT COUNT(*) FROM handled_messages WHERE message_id = ?", id).Scan(&known); err != nil {
		return false, fmt.Errorf("handle %s: %w", id, err)
	}
	if known {
		return false, nil
	}
	if _, err := tx.Exec("INSERT INTO handled_messages VALUES (?, ?)", id, now.UnixMilli()); err != nil {
		return false, fmt.Errorf("handle %s: %w", id, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("handle %s: %w", id, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("handle %s: %w", id, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.Exec("DELETE FROM handled_messages WHERE handled_ms < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Marks the message before its effect, so that nobody else begins it, and takes the mark out if the effect fails.
// In production: the process dies between the two. The message comes again, is marked, and is acked: a paid order is never
// packed, and no log says so.
//
// want TestCrashAtEveryStepDoesItOnce: "order-7 is reserved 0 times"
// want TestKilledProcessDoesItOnce: "order-7 is reserved 0 times"

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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS claims (id TEXT PRIMARY KEY, at INTEGER NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("a message without an id")
	}
	claimed, err := claim(ctx, db, m.ID, now)
	if err != nil || !claimed {
		return false, err
	}
	defer func() {
		if !done {
			_, _ = db.ExecContext(context.WithoutCancel(ctx), "DELETE FROM claims WHERE id = ?", m.ID)
		}
	}()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

// claim tells whether the message is ours: nobody has claimed it before.
func claim(ctx context.Context, db *sql.DB, id string, now time.Time) (bool, error) {
	r, err := db.ExecContext(ctx, "INSERT OR IGNORE INTO claims (id, at) VALUES (?, ?)", id, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", id, err)
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.ExecContext(ctx, "DELETE FROM claims WHERE at < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

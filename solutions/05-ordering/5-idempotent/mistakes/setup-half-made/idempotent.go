// Looks whether its table is there, and makes table and unique index only if it isn't.
// In production: the first start dies between the two. Every later one finds the table, and goes without the index: no mark is
// ever refused, and from then on each copy is done again.
//
// want TestCrashAtEveryStepDoesItOnce: "and one more copy: order-7 is reserved 2 times"

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
	var tables int
	err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'done_messages'").Scan(&tables)
	if err != nil {
		return fmt.Errorf("look for the table: %w", err)
	}
	if tables > 0 {
		return nil
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE done_messages (id TEXT NOT NULL, at INTEGER NOT NULL)"); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	if _, err := db.ExecContext(ctx, "CREATE UNIQUE INDEX done_messages_id ON done_messages (id)"); err != nil {
		return fmt.Errorf("make the index: %w", err)
	}
	return nil
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no message id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	r, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO done_messages (id, at) VALUES (?, ?)", m.ID, now.Unix())
	if err == nil {
		var n int64
		if n, err = r.RowsAffected(); err == nil && n == 0 {
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("mark message %s: %w", m.ID, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("message %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit message %s: %w", m.ID, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.ExecContext(ctx, "DELETE FROM done_messages WHERE at < ?", before.Unix())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

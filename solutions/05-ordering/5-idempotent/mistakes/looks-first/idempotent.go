// Asks whether the message was done, and if not, does it.
// In production: two consumers get order-7 at the same time, since the sender sent it twice, or one of them was only thought dead.
// Both ask, both find nothing, both reserve a teapot.
//
// want TestTwoAtOnceDoItOnce: "order-2 is reserved 2 times"

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
		CREATE TABLE IF NOT EXISTS processed_messages (id TEXT NOT NULL, processed_at INTEGER NOT NULL);
		CREATE INDEX IF NOT EXISTS processed_messages_id ON processed_messages (id)`)
	return err
}

func wasProcessed(ctx context.Context, db *sql.DB, id string) (bool, error) {
	var at int64
	err := db.QueryRowContext(ctx, "SELECT processed_at FROM processed_messages WHERE id = ?", id).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if len(m.ID) == 0 {
		return false, errors.New("message has no id")
	}
	processed, err := wasProcessed(ctx, db, m.ID)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", m.ID, err)
	}
	if processed {
		return false, nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if !done {
			_ = tx.Rollback()
		}
	}()
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("process %s: %w", m.ID, err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO processed_messages VALUES (?, ?)", m.ID, now.UnixNano()); err != nil {
		return false, fmt.Errorf("mark %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit %s: %w", m.ID, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM processed_messages WHERE processed_at < ?", before.UnixNano())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

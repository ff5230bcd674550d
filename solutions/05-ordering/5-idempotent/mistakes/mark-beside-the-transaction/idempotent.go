// Writes the mark with db where tx was meant: on a second connection, outside of the transaction.
// In production: on SQLite it waits for its own transaction to end, and fails when its patience is over. On PostgreSQL
// nothing waits: the mark is there at once, and stays when the effect is rolled back. The order is lost.
//
// want TestEffectHappensOnce: "Apply waits for its own transaction"

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

// inbox is the table of what was done.
type inbox struct{ db *sql.DB }

func (i inbox) setup(ctx context.Context) error {
	_, err := i.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, done INTEGER NOT NULL)")
	return err
}

// mark tells whether id had no mark before.
func (i inbox) mark(ctx context.Context, id string, now time.Time) (bool, error) {
	r, err := i.db.ExecContext(ctx, "INSERT INTO inbox (id, done) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", id, now.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Setup makes the table of what was done.
func Setup(ctx context.Context, db *sql.DB) error { return inbox{db}.setup(ctx) }

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("who sends messages without an id?")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	isNew, err := inbox{db}.mark(ctx, m.ID, now)
	if err != nil {
		return false, fmt.Errorf("mark %s: %w", m.ID, err)
	}
	if !isNew {
		return false, nil
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

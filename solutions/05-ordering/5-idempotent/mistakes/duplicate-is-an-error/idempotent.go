// Lets the unique constraint speak for itself: who comes second gets its error.
// In production: the consumer doesn't ack what failed. The copy comes again and again, and lands among the dead letters, where
// somebody looks for what is wrong with it. Nothing is: it was done.
//
// want TestEffectHappensOnce: "order-7 came twice; Apply returned an error"

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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, done_at INTEGER NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if _, err := tx.ExecContext(ctx, "INSERT INTO inbox VALUES (?, ?)", m.ID, now.Unix()); err != nil {
		return false, fmt.Errorf("message %s was done before: %w", m.ID, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit %s: %w", m.ID, err)
	}
	return true, nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.Unix())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

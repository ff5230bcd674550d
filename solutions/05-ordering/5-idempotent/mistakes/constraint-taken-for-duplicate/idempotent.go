// Takes each broken unique constraint for a sign that the message was done, whoever's constraint that was.
// In production: the effect itself breaks one, as two parcels get the same number. It is rolled back, the message is acked
// as a copy, and a paid order is gone.
//
// want TestFailedEffectStoresNothing: "failed with a unique constraint of its own table; Apply returned false, <nil>"

package idempotent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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

// transact runs f in a transaction.
func transact(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	err = transact(ctx, db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, done_at) VALUES (?, ?)", m.ID, now.Unix()); err != nil {
			return fmt.Errorf("mark %s: %w", m.ID, err)
		}
		if err := effect(ctx, tx); err != nil {
			return fmt.Errorf("effect of %s: %w", m.ID, err)
		}
		return nil
	})
	if err != nil && strings.Contains(err.Error(), "UNIQUE constraint failed") {
		return false, nil
	}
	return err == nil, err
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	var n int64
	err := transact(ctx, db, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.Unix())
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return n, err
}

// Marks a message also when its effect fails, so that one that can't be done does not come for ever.
// In production: the warehouse is closed for a minute. Each order of that minute fails once, comes again (04/4), is known, and is
// acked: hundreds of paid orders are gone.
//
// want TestFailedEffectStoresNothing: "came again; Apply returned false, nil"

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
	defer tx.Rollback()
	res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO inbox (id, done_at) VALUES (?, ?)", m.ID, now.UnixMilli())
	if err != nil {
		return false, err
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return false, nil
	}
	failed := inSavepoint(ctx, tx, effect)
	if err := tx.Commit(); err != nil {
		return false, errors.Join(failed, err)
	}
	if failed != nil {
		return false, fmt.Errorf("effect of %s: %w", m.ID, failed)
	}
	return true, nil
}

// inSavepoint undoes what effect did if it fails, and leaves the rest of the transaction alone.
func inSavepoint(ctx context.Context, tx *sql.Tx, effect Effect) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT effect"); err != nil {
		return err
	}
	if err := effect(ctx, tx); err != nil {
		_, undo := tx.ExecContext(ctx, "ROLLBACK TO effect")
		return errors.Join(err, undo)
	}
	_, err := tx.ExecContext(ctx, "RELEASE effect")
	return err
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

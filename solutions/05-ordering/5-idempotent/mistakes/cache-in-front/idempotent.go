// Keeps in memory what was done, beside the table: most copies come soon, and cost no query.
// In production: a job of the night calls Forget, in a program of its own. The service doesn't learn of it: what is replayed
// after a month is acked, and not done. And the shop runs its services in one program, each with a database: only the first one
// does what an event is to change; to all others it was done before.
//
// want TestOnlyTheDatabaseRemembers: "came to a service with another one, in the same program; Apply returned false, nil"

package idempotent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Message is what a consumer knows of one delivery.
type Message struct {
	ID          string
	Redelivered bool
	Sent        time.Time
	Body        []byte
}

// An Effect is what a message is to change in the database.
type Effect func(ctx context.Context, tx *sql.Tx) error

// lately is what this program has done: IDs, and when.
var lately sync.Map

// Setup makes the table of marks.
func Setup(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (message TEXT PRIMARY KEY, done_at BIGINT NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("who is this? no id")
	}
	if _, known := lately.Load(m.ID); known {
		return false, nil
	}
	if done, err = apply(ctx, db, m.ID, now, effect); done {
		lately.Store(m.ID, now)
	}
	return done, err
}

func apply(ctx context.Context, db *sql.DB, id string, now time.Time, effect Effect) (bool, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	r, err := tx.ExecContext(ctx, "INSERT INTO inbox VALUES ($1, $2) ON CONFLICT (message) DO NOTHING", id, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("mark %s: %w", id, err)
	}
	n, err := r.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %s: %w", id, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit %s: %w", id, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time, here and in the table.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	lately.Range(func(id, at any) bool {
		if at.(time.Time).Before(before) {
			lately.Delete(id)
		}
		return true
	})
	r, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < $1", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

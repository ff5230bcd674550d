// Takes out a thousand marks at most, so that nobody waits long for the right to write, and leaves the rest to the next call.
// In production: Forget runs each night, and the shop has five thousand orders a day. Each night it reports a thousand, which looks
// healthy; the table grows until the disk is full.
//
// want TestForgetTakesOutAll: "returned 1000"

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
	ID          string
	Redelivered bool
	Sent        time.Time
	Body        []byte
}

// An Effect is what a message is to change in the database.
type Effect func(ctx context.Context, tx *sql.Tx) error

const batch = 1000 // marks in one transaction

var schema = []string{
	"CREATE TABLE IF NOT EXISTS inbox (n INTEGER PRIMARY KEY AUTOINCREMENT, msg TEXT NOT NULL UNIQUE, done_ms BIGINT NOT NULL)",
	"CREATE INDEX IF NOT EXISTS inbox_done_ms ON inbox (done_ms)",
}

// Setup makes the table of marks, and an index for Forget.
func Setup(ctx context.Context, db *sql.DB) error {
	for _, statement := range schema {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
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
	defer func() { _ = tx.Rollback() }()
	const mark = "INSERT INTO inbox (msg, done_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING n"
	var n int64
	if err := tx.QueryRowContext(ctx, mark, m.ID, now.UnixMilli()).Scan(&n); errors.Is(err, sql.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("mark %q: %w", m.ID, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect of %q, mark %d: %w", m.ID, n, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit %q, mark %d: %w", m.ID, n, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time, the oldest first.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	const oldest = "DELETE FROM inbox WHERE n IN (SELECT n FROM inbox WHERE done_ms < $1 ORDER BY done_ms LIMIT $2)"
	res, err := db.ExecContext(ctx, oldest, before.UnixMilli(), batch)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Takes Setup and Forget for housekeeping: what goes wrong there is logged, and the service goes on.
// In production: the disk is full at the start, and there is no table: every message fails, with an error that doesn't say why. And
// since then Forget has taken out nothing, and its job is green each night.
//
// want TestSetupAndForgetTellWhatFailed: "step 1 of Setup failed"
// want TestSetupAndForgetTellWhatFailed: "step 1 of Forget failed"

package idempotent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
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

// Setup makes the table of marks.
func Setup(ctx context.Context, db *sql.DB) error {
	housekeep(ctx, db, "CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, done_at BIGINT NOT NULL)")
	return ctx.Err()
}

// housekeep returns how many rows a statement has changed.
func housekeep(ctx context.Context, db *sql.DB, statement string, args ...any) int64 {
	r, err := db.ExecContext(ctx, statement, args...)
	if err != nil {
		slog.Warn("inbox", "statement", statement, "error", err)
		return 0
	}
	n, err := r.RowsAffected()
	if err != nil {
		slog.Warn("inbox", "statement", statement, "error", err)
	}
	return n
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("inbox: a message without an id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("inbox: %w", err)
	}
	defer tx.Rollback()
	r, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, done_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", m.ID, now.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("inbox: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("inbox: effect of %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("inbox: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	return housekeep(ctx, db, "DELETE FROM inbox WHERE done_at < $1", before.UnixMicro()), nil
}

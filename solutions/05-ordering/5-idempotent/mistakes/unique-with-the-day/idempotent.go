// Looks first, and leaves the rest to a primary key that has the day in it, so that the table can be cut into days and Forget drop
// whole ones.
// In production: on SQLite nothing happens, since it lets one write at a time. On PostgreSQL two transactions look side by side
// just before and after midnight, find nothing, and their marks differ by the day: both commit, and the order is packed twice.
//
// want TestDatabaseRefusesASecondMark: "take the same value twice"

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

const table = `
CREATE TABLE IF NOT EXISTS handled (
	day        INTEGER NOT NULL, -- since 1970
	message_id TEXT    NOT NULL,
	at_millis  INTEGER NOT NULL,
	PRIMARY KEY (day, message_id)
)`

// Setup makes the table of marks.
func Setup(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return nil
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("handle %q: %w", m.ID, err)
	}
	defer tx.Rollback()
	var handled bool
	row := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM handled WHERE message_id = $1)", m.ID)
	if err := row.Scan(&handled); err != nil {
		return false, fmt.Errorf("handle %q: %w", m.ID, err)
	}
	if handled {
		return false, nil
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO handled VALUES ($1, $2, $3)", now.Unix()/86400, m.ID, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("handle %q: %w", m.ID, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("handle %q: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("handle %q: %w", m.ID, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	const old = "DELETE FROM handled WHERE day < $1 OR day = $1 AND at_millis < $2"
	gone, err := db.ExecContext(ctx, old, before.Unix()/86400, before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return gone.RowsAffected()
}

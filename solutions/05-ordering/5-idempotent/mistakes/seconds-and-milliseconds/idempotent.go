// Stores whole seconds, and compares them with milliseconds: what was done at 20.75 counts as done at 20.000.
// In production: whoever replays dead letters calls Forget for all that was done before this moment, and replays: what is
// being done in the same second is forgotten, too, and done twice. Rare, and never seen in a test with round times.
//
// want TestForgetTakesOutWhatIsOld: "returned 5"

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

// A store is the table of marks.
type store struct{ db *sql.DB }

// Setup makes the table of marks.
func Setup(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS processed (id TEXT NOT NULL UNIQUE, unix_time BIGINT NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	return store{db}.process(ctx, m.ID, now, effect)
}

func (s store) process(ctx context.Context, id string, now time.Time, effect Effect) (bool, error) {
	if id == "" {
		return false, errors.New("process: no id")
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("process %s: begin: %w", id, err)
	}
	defer tx.Rollback()

	result, err := tx.ExecContext(ctx, "INSERT INTO processed VALUES ($1, $2) ON CONFLICT DO NOTHING", id, now.Unix())
	if err != nil {
		return false, fmt.Errorf("process %s: mark: %w", id, err)
	}
	switch marked, err := result.RowsAffected(); {
	case err != nil:
		return false, fmt.Errorf("process %s: mark: %w", id, err)
	case marked == 0:
		return false, nil
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("process %s: %w", id, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("process %s: commit: %w", id, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	return store{db}.removeBefore(ctx, before.UnixMilli())
}

func (s store) removeBefore(ctx context.Context, millis int64) (int64, error) {
	result, err := s.db.ExecContext(ctx, "DELETE FROM processed WHERE unix_time * 1000 < $1", millis)
	if err != nil {
		return 0, fmt.Errorf("remove marks: %w", err)
	}
	return result.RowsAffected()
}

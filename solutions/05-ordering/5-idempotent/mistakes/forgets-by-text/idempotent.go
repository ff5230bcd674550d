// Gives the database a time.Time. SQLite has no type for it: the driver writes it as text, with the wall clock of its time zone,
// and text is compared letter by letter.
// In production: the inbox remembers for an hour. The services run with the time of Berlin, the job that forgets with UTC: marks
// stay an hour too long, which nobody notices. Then a service moves to New York, and its marks go as soon as they are made.
//
// want TestForgetTakesOutWhatIsOld: "returned 2"

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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS seen (id VARCHAR(255) PRIMARY KEY, at TIMESTAMP NOT NULL)")
	if err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	return nil
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("apply: no message id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("apply: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	result, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO seen (id, at) VALUES (?, ?)", m.ID, now)
	if err != nil {
		return false, fmt.Errorf("apply: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("apply: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("apply: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	result, err := db.ExecContext(ctx, "DELETE FROM seen WHERE at < ?", before)
	if err != nil {
		return 0, fmt.Errorf("forget: %w", err)
	}
	return result.RowsAffected()
}

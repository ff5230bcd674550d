// Declares the ID as a STRING. SQLite knows no such type, and makes a number of what looks like one (sqlite.org/datatype3.html).
// In production: a partner numbers its messages. 07 and 7 are the same to SQLite, and so are long numbers that differ in the last
// digits: the second one is acked and gone.
//
// want TestOnlyTheIDCounts: "ID \"07\", redelivered false, came for the first time, after 5 others; Apply returned false, nil"

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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (id STRING PRIMARY KEY, done_at BIGINT NOT NULL)")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	err = tx.QueryRowContext(ctx, "INSERT OR IGNORE INTO inbox VALUES (?, ?) RETURNING true", m.ID, now.UnixMilli()).Scan(&done)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mark: %w", err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return done, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Knows a message by what is in it: a hash of its body.
// In production: a customer orders a teapot, and an hour later another one. Both messages say the same, and the second is acked and
// gone. And one that is sent again by a newer version of the sender, with a new field, is done again.
//
// want TestOnlyTheIDCounts: "redelivered false, came for the first time, after 1 others; Apply returned false, nil"

package idempotent

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS inbox (hash TEXT PRIMARY KEY, done_at INTEGER NOT NULL)")
	return err
}

// fingerprint is the same for the same message, whatever id its sender has given it this time.
func fingerprint(m Message) string {
	sum := sha256.Sum256(m.Body)
	return hex.EncodeToString(sum[:])
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("no message id")
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	const q = "INSERT INTO inbox (hash, done_at) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"
	marked, err := tx.ExecContext(ctx, q, fingerprint(m), now.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("mark: %w", err)
	}
	n, err := marked.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("mark: %w", err)
	}
	if n != 1 {
		return false, nil
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("effect: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	gone, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.UnixMicro())
	if err != nil {
		return 0, err
	}
	return gone.RowsAffected()
}

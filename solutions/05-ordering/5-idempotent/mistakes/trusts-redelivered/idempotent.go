// Looks into the table only when RabbitMQ says that it has delivered the message before.
// In production: the sender got no confirm, and sent order-7 again (03/5). To RabbitMQ these are two messages, each delivered for
// the first time. Two teapots are packed.
//
// want TestEffectHappensOnce: "order-7 came twice; Apply returned true, nil, and called effect 1 times"
// want TestCutAtEveryMethodDoesItOnce: "and one more copy: order-7 is reserved"

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
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS inbox (message_id TEXT PRIMARY KEY, done_at INTEGER NOT NULL)`)
	return err
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
	defer tx.Rollback()
	if m.Redelivered { // saves a query for all others
		var known int
		err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM inbox WHERE message_id = ?", m.ID).Scan(&known)
		if err != nil {
			return false, err
		}
		if known > 0 {
			return false, nil
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO inbox VALUES (?, ?)", m.ID, now.Unix()); err != nil {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("message %s: %w", m.ID, err)
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	r, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE done_at < ?", before.Unix())
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

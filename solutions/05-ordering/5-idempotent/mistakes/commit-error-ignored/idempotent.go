// Commits in a defer, where nobody looks at the error.
// In production: the commit fails, since the disk is full or ctx has ended. Nothing is stored, the consumer acks, and the
// order is gone.
//
// want TestFailedStepStoresNothing: "failed (commit); Apply returned true, <nil>"
// want TestTrueMeansCommitted: "Apply returned true, <nil>, and order-7 is reserved 0 times"

package idempotent

import (
	"context"
	"database/sql"
	"errors"
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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS dedup (k TEXT NOT NULL, t INTEGER NOT NULL, UNIQUE (k))")
	return err
}

var errNoID = errors.New("the message has no id")

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errNoID
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { finish(tx, done) }()

	res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO dedup (k, t) VALUES (?, ?)", m.ID, now.UnixNano())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if err := effect(ctx, tx); err != nil {
		return false, errors.Join(errors.New("effect of "+m.ID), err)
	}
	return true, nil
}

func finish(tx *sql.Tx, done bool) {
	if done {
		_ = tx.Commit()
		return
	}
	_ = tx.Rollback()
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM dedup WHERE t < ?", before.UnixNano())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

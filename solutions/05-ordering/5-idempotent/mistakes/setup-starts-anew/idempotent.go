// Makes the table anew at each start, so that its columns are always those of this version.
// In production: a deployment is when most messages come twice, since the old process had them in hand. The new one begins
// with an empty table.
//
// want TestSetupAgainChangesNothing: "order-7 came again; Apply returned true, nil"

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

// The schema of this version. When it changes, the next start makes the new one.
var schema = []string{
	"DROP TABLE IF EXISTS inbox",
	"CREATE TABLE IF NOT EXISTS inbox (msg TEXT NOT NULL, handled_at INTEGER NOT NULL)",
	"CREATE UNIQUE INDEX IF NOT EXISTS inbox_msg ON inbox (msg)",
	"CREATE INDEX IF NOT EXISTS inbox_handled_at ON inbox (handled_at)",
}

// Setup makes the table of what was done.
func Setup(ctx context.Context, db *sql.DB) error {
	for _, statement := range schema {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	if m.ID == "" {
		return false, errors.New("a message must have an id")
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelDefault})
	if err != nil {
		return false, fmt.Errorf("open a transaction: %w", err)
	}
	defer func() {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
	}()
	var msg string
	row := tx.QueryRowContext(ctx, "INSERT INTO inbox VALUES (?, ?) ON CONFLICT (msg) DO NOTHING RETURNING msg", m.ID, now.Unix())
	if err := row.Scan(&msg); errors.Is(err, sql.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("note message %s: %w", m.ID, err)
	}
	if err := effect(ctx, tx); err != nil {
		return false, fmt.Errorf("handle message %s: %w", msg, err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("store message %s: %w", msg, err)
	}
	return true, nil
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM inbox WHERE handled_at < ?", before.Unix())
	if err != nil {
		return 0, fmt.Errorf("forget: %w", err)
	}
	return res.RowsAffected()
}

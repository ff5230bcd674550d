// Does what has no ID without looking and without a mark: there is nothing to look for, and the message should not be lost.
// In production: a new sender forgets to set the message id. All works, for months. Then its connection breaks once, and what it
// sends again is done again, a thousand times.
//
// want TestNoIDIsAnError: "Apply returned true, nil"

package idempotent

import (
	"context"
	"database/sql"
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
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS marks (id TEXT, day INTEGER, ms INTEGER, PRIMARY KEY (id))")
	return err
}

// Apply lets effect happen once for m.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	err = transaction(ctx, db, func(tx *sql.Tx) error {
		fresh := true
		if m.ID != "" {
			if fresh, err = mark(ctx, tx, m.ID, now); err != nil {
				return err
			}
		}
		if !fresh {
			return nil
		}
		done = true
		return effect(ctx, tx)
	})
	return done && err == nil, err
}

// transaction commits what f did, unless it failed.
func transaction(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// mark tells whether id is marked for the first time.
func mark(ctx context.Context, tx *sql.Tx, id string, now time.Time) (bool, error) {
	const insert = "INSERT INTO marks (id, day, ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	res, err := tx.ExecContext(ctx, insert, id, now.Unix()/86400, now.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Forget takes out the marks of what was done before a time.
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	res, err := db.ExecContext(ctx, "DELETE FROM marks WHERE day <= ? AND ms < ?", before.Unix()/86400, before.UnixMilli())
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

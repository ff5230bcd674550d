// Package idempotent lets the effect of a message happen once, however often the message comes: it is the core of an inbox. It
// is no help for effects outside of the database: whoever calls a payment provider needs an idempotency key that the provider
// knows. The consumer that calls it is given: consumer_test.go.
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

// An Effect is what a message is to change in the database: it reserves stock. It works with tx, and leaves commit and rollback
// to its caller.
type Effect func(ctx context.Context, tx *sql.Tx) error

// Setup makes what Apply and Forget need in db. Each start of the program calls it: a second time it changes nothing, and it
// completes what a crash has left half made. A step of the database fails: an error. Chapter 06 has PostgreSQL too, so write $1,
// $2 … for the arguments of a statement: SQLite takes them as well.
func Setup(ctx context.Context, db *sql.DB) error {
	// TODO(05/5): make the table in which is marked what was done.
	return notDone
}

// Apply lets effect happen once for m: however often m comes, to however many programs, and wherever they die.
//   - true, nil: this call has done it. What effect did with tx, and a mark that m is done, are committed together.
//     Nothing of it is kept in memory: a program may have two databases, and another program may call Forget.
//   - false, nil: it was done before. effect is not called.
//   - Several calls for one message at the same time, in several programs: one returns true, the others false and nil. The
//     database itself refuses a second mark for an ID (a unique constraint): on one with many writers, to look first is not enough.
//   - A message is known by its ID alone. Two IDs are the same if all their bytes are. RabbitMQ's Redelivered proves nothing: what
//     the sender sent twice comes without it, and what nobody has begun yet may come with it.
//   - No ID: an error, and effect is not called.
//   - effect fails: nothing is stored, and its error is returned, wrapped, whatever it is. A step of the database fails: nothing is
//     stored, and an error is returned. The message is new when it comes again.
//   - effect panics: nothing is stored. Apply needn't recover; if it does, it returns an error.
//   - ctx ends before effect is called: an error, and effect is not called. effect gets ctx, or one that ends with it. It ends
//     later: true if it is committed all the same, else an error.
//   - However Apply ends, nothing of it stays open in db. SQLite has one writer: a transaction left open stops everybody.
//   - now is the consumer's clock, for the mark: see Forget.
func Apply(ctx context.Context, db *sql.DB, m Message, now time.Time, effect Effect) (done bool, err error) {
	// TODO(05/5): mark m and let effect happen, together, unless m is marked.
	return false, notDone
}

// Forget takes out all marks of what was done before a time, and returns how many. Without it they grow for ever. A step of the
// database fails: an error.
//   - What counts is the now of the call that returned true: not when the message was sent, nor when it came once more. A
//     moment is the same moment in every time zone.
//   - What was done at that time or later stays marked. What was done less than a second before may.
//   - What is forgotten is new when it comes again. So before must lie further back than anything can come from: the last step of
//     a retry (04/4), and what waits among the dead letters until a human replays it (04/6).
func Forget(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	// TODO(05/5): take out the marks that are old enough.
	return 0, notDone
}

// Package inbox lets the effect of a message happen once, however often the message comes: mark, effect and what the effect
// sends are one transaction. A group of messages shares one transaction; if one fails, the others are done one by one.
package inbox

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"log/slog"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the table of the inbox.
var Migrations = store.Migrations{Name: "inbox", FS: migrations}

// An Effect is what a message changes. What it sends by tx goes out if it is committed. It may run more than once, as long as
// none was committed: whatever it does besides tx must bear that.
type Effect func(ctx context.Context, tx *outbox.Tx) error

// A Handler says what a service does with messages of one type.
type Handler struct {
	// Handle returns the effect of a message, or an error. It is called outside of a transaction, so it may ask others: the
	// payment provider, say. It is called again if the message comes again and wasn't done.
	Handle func(ctx context.Context, m events.Message) (Effect, error)
	// Again, of a command, answers a message that was done before: the asker may have missed the answer. It tells what holds
	// now, from business state, in a message with an ID of its own. nil: nothing is answered.
	Again func(ctx context.Context, m events.Message) (Effect, error)
}

// Handlers are the handlers of a service by type of message.
type Handlers map[string]Handler

// On adds a handler to h whose effect needs nothing from outside. What can't be decoded is ErrMalformed.
func On[P events.Payload](h Handlers, effect func(ctx context.Context, tx *outbox.Tx, m events.Message, p P) error) {
	var p P
	h[p.Name()] = Handler{Handle: decoded(effect)}
}

// OnCommand is On for a command, with the answer to give again.
func OnCommand[P events.Payload](h Handlers, effect, again func(context.Context, *outbox.Tx, events.Message, P) error) {
	var p P
	h[p.Name()] = Handler{Handle: decoded(effect), Again: decoded(again)}
}

// decoded is a Handle that decodes.
func decoded[P events.Payload](effect func(context.Context, *outbox.Tx, events.Message, P) error) func(context.Context,
	events.Message) (Effect, error) {
	return func(_ context.Context, m events.Message) (Effect, error) {
		p, err := events.Decode[P](m)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, tx *outbox.Tx) error { return effect(ctx, tx, m, p) }, nil
	}
}

// An Inbox handles the messages of a service. Its fields are set before the first Handle.
type Inbox struct {
	Log     *slog.Logger                     // nil: nobody reads it
	Observe func(name string, value float64) // hears inbox.done, .hit (done before) and .failed. nil: nobody does
	// Around is called for each message of a group before it is handled, and end when it is known what became of it. What is
	// done for the message, and what it sends, has the context that Around returns: so a trace goes through a group. nil: none.
	Around func(ctx context.Context, m events.Message) (inner context.Context, end func(error))

	db       *store.DB
	box      *outbox.Box
	now      func() time.Time
	handlers Handlers
}

// New returns an inbox in db, the service's own database, which was opened with Migrations and which box uses too. now is
// time.Now if nil.
func New(db *store.DB, box *outbox.Box, now func() time.Time, h Handlers) *Inbox {
	if now == nil {
		now = time.Now
	}
	return &Inbox{db: db, box: box, now: now, handlers: h}
}

// forgetAtOnce is how many marks are looked at in one transaction of Forget.
const forgetAtOnce = 1000

// Forget takes out the marks of what was done before a time and returns how many. It does so in small bites, so that messages
// are handled meanwhile. After an error or the end of ctx some are out, and counted.
//   - What is forgotten is new when it comes again. So before must lie further back than anything can come from: the last step
//     of a retry, and what waits in a parked queue until a human replays it. Business keys are for what comes later still.
func (i *Inbox) Forget(ctx context.Context, before time.Time) (int64, error) {
	var forgotten int64
	for from := ""; ; {
		var to sql.NullString
		err := i.db.QueryRowContext(ctx, "SELECT MAX(id) FROM (SELECT id FROM inbox WHERE id > $1 ORDER BY id LIMIT $2) AS bite",
			from, forgetAtOnce).Scan(&to)
		if err != nil {
			return forgotten, fmt.Errorf("look for old marks in the inbox: %w", err)
		}
		if !to.Valid {
			return forgotten, nil
		}
		err = i.db.Do(ctx, func(tx store.Querier) error {
			gone, err := tx.ExecContext(ctx, "DELETE FROM inbox WHERE id > $1 AND id <= $2 AND done_at < $3",
				from, to.String, before.UnixMilli())
			if err != nil {
				return err
			}
			n, err := gone.RowsAffected()
			forgotten += n
			return err
		})
		if err != nil {
			return forgotten, fmt.Errorf("forget old marks of the inbox: %w", err)
		}
		from = to.String
	}
}

package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/store"
)

// What a Relay does unless it is told otherwise.
const (
	defaultGroup   = 128
	defaultPoll    = 200 * time.Millisecond
	defaultTimeout = 15 * time.Second
)

// grace is what Publish has left when the relay is told to end.
const grace = 3 * time.Second

// turnLimit is how long the database may take for a turn, also after the relay is told to end.
const turnLimit = 10 * time.Second

// run is a Relay at work.
type run struct {
	Relay
	failing bool // the last group, or the last transaction, came to nothing
}

// A group is rows that were claimed together, and what became of them.
type group struct {
	rows   []row
	until  time.Time // nobody else takes them before
	errs   []error   // for each row; nil: confirmed
	timeUp bool      // the broker has not answered in time: the errors say nothing about the messages
}

// Run publishes group by group until ctx ends: then it finishes the group that it has, and returns nil. Nothing else ends it.
// An error of the database or of the broker is logged, and tried again.
//   - Messages of a group are published in the order in which they were sent. Between groups there is none: what failed comes
//     later, and another relay may be faster. Who needs an order has Message.Version.
//   - A message that can't be published is tried again after a pause of its own, and doesn't hold up the others.
//   - A relay that dies leaves its group to others after twice Timeout.
func (r Relay) Run(ctx context.Context) error {
	w := &run{Relay: r.withDefaults()}
	var last group
	for {
		ending := ctx.Err() != nil
		next, err := w.turn(ctx, last, !ending)
		if err == nil && len(last.rows) > 0 {
			failpoint.Reach("outbox.marked")
		}
		switch {
		case ending:
			return nil // after an error the rows come free by themselves
		case err != nil: // last isn't written down yet
			w.trouble("the outbox does not answer", err)
			w.rest(ctx, nil)
			continue
		}
		last = next
		if len(last.rows) == 0 {
			w.rest(ctx, w.Box.wake)
			continue
		}
		failpoint.Reach("outbox.claimed")
		w.publish(ctx, &last)
		failpoint.Reach("outbox.confirmed")
		if confirmed := w.tell(last); confirmed == 0 {
			w.rest(ctx, nil) // it is the broker, not a message
		}
	}
}

// turn writes down what became of a group and claims the next, in one transaction: a disk that confirms it does so once.
func (w *run) turn(ctx context.Context, last group, more bool) (next group, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), turnLimit)
	defer cancel()
	err = w.Box.db.Do(ctx, func(tx store.Querier) error {
		now := w.Box.now()
		var confirmed []row
		for i, row := range last.rows {
			if last.errs[i] == nil {
				confirmed = append(confirmed, row)
			} else if err := w.release(ctx, tx, last, row, now, last.errs[i]); err != nil {
				return err
			}
		}
		if err := take(ctx, tx, confirmed); err != nil || !more {
			return err
		}
		next.until = now.Add(2 * w.Timeout)
		next.rows, err = w.Box.claim(ctx, tx, now, next.until, w.Group)
		return err
	})
	return next, err
}

// release gives back a row that was not confirmed. Where that isn't the message's fault it is due at once, for the claim of the
// same turn too: a group stays together.
func (w *run) release(ctx context.Context, tx store.Querier, g group, r row, now time.Time, why error) error {
	if g.timeUp {
		return release(ctx, tx, r, g.until, now, r.attempts, why)
	}
	return release(ctx, tx, r, g.until, now.Add(w.Pause(r.attempts)), r.attempts+1, why)
}

// publish publishes a group, and knows what became of each row before anybody else may claim it. A message that RabbitMQ will
// never take closes the channel, and then nobody knows which one it was: so what failed together is tried once more alone.
func (w *run) publish(ctx context.Context, g *group) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Timeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-limited.Done():
		case <-time.After(grace):
			cancel()
		}
	})()
	messages := make([]events.Message, len(g.rows))
	for i, row := range g.rows {
		messages[i] = row.message
	}
	g.errs = w.answers(limited, messages)
	for i := range messages {
		if len(messages) > 1 && g.errs[i] != nil && limited.Err() == nil {
			g.errs[i] = w.answers(limited, messages[i:i+1])[0]
		}
	}
	g.timeUp = limited.Err() != nil
}

// answers publishes messages and returns as many answers.
func (w *run) answers(ctx context.Context, messages []events.Message) []error {
	errs := w.Publisher.Publish(ctx, messages)
	for len(errs) < len(messages) {
		errs = append(errs, errors.New("the publisher did not say what became of it"))
	}
	return errs
}

// tell observes and logs what became of a group, and returns how many were confirmed.
func (w *run) tell(g group) (confirmed int) {
	var first error
	for i, err := range g.errs {
		if err == nil {
			confirmed++
		} else if first == nil {
			first = fmt.Errorf("%s %s of %s: %w", g.rows[i].message.Type, g.rows[i].message.ID, g.rows[i].message.Correlation, err)
		}
	}
	w.Observe("outbox.published", float64(confirmed))
	if failed := len(g.rows) - confirmed; failed > 0 {
		w.Observe("outbox.failed", float64(failed))
	}
	switch {
	case confirmed == 0:
		w.trouble("nothing can be published", first)
		return 0
	case first != nil:
		w.Log.Warn("a message can't be published", "failed", len(g.rows)-confirmed, "first", first)
	}
	if w.failing {
		w.failing = false
		w.Log.Info("the relay works again")
	}
	return confirmed
}

// trouble logs what keeps the relay from its work: once, as it may go on for hours.
func (w *run) trouble(what string, err error) {
	w.Observe("outbox.trouble", 1)
	level := slog.LevelWarn
	if w.failing {
		level = slog.LevelDebug
	}
	w.failing = true
	w.Log.Log(context.Background(), level, what, "error", err)
}

// rest waits for a moment, for something to wake it up, or for the end.
func (w *run) rest(ctx context.Context, wake <-chan struct{}) {
	timer := time.NewTimer(w.Poll)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

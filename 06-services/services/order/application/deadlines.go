package application

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"warren.example/06-services/failpoint"
	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/saga"
)

const (
	lookEvery = 250 * time.Millisecond // how often deadlines are looked for
	dueAtOnce = 100                    // how many are taken at once
)

// Deadlines is the job that lets deadlines pass, until ctx ends. Several instances may do it: they share the work.
func (a *Orders) Deadlines(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for told := dueAtOnce; told == dueAtOnce; {
			var err error
			if told, err = a.PassDeadlines(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// PassDeadlines tells the sagas whose deadlines have passed, each in a transaction of its own, and returns how many it told.
// One that can't be told doesn't stop the others.
//
// A deadline is there to find out that somebody doesn't answer. While RabbitMQ is away nobody can, which says nothing: then the
// deadline is put off, and the order lives on.
func (a *Orders) PassDeadlines(ctx context.Context) (told int, err error) {
	due, err := a.Store.Due(ctx, a.DB, a.Now(), dueAtOnce)
	if err != nil {
		return 0, err
	}
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] }) // another instance has the same ones
	away := a.Broker()
	var failed []error
	for _, key := range due {
		if ctx.Err() != nil {
			break
		}
		passed := false
		err := a.do(ctx, func(ctx context.Context, tx *outbox.Tx) (err error) {
			passed, err = a.pass(ctx, tx, key, away)
			return err
		})
		if err != nil {
			failed = append(failed, err)
			a.Log.ErrorContext(ctx, "deadline", "saga", key, "error", err)
		} else if passed {
			failpoint.Reach("order.deadline")
			told++
		}
	}
	if told == 0 {
		err = errors.Join(failed...)
	}
	return told, err
}

// pass lets the deadline of a saga pass, unless somebody else has, or the answer has come. Of two that do so at the same time
// one is told ErrConflict, and then finds that there is nothing left to do.
func (a *Orders) pass(ctx context.Context, tx *outbox.Tx, key string, away error) (bool, error) {
	row, ok, err := a.Store.Saga(ctx, tx, key)
	now := a.Now()
	if err != nil || !ok || row.Deadline.IsZero() || row.Deadline.After(now) {
		return false, err
	}
	if away != nil {
		row.Deadline = now.Add(saga.Postpone(row.Saga, a.Limits))
		return true, a.Store.Save(ctx, tx, row)
	}
	_, err = a.step(ctx, tx, row, saga.Deadline, "", row.Asked)
	return true, err
}

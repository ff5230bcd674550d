package inbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"warren.example/06-services/events"
	"warren.example/06-services/failpoint"
	"warren.example/06-services/outbox"
)

// A job is one message of a group, on its way through Handle.
type job struct {
	message events.Message
	handler Handler
	ctx     context.Context
	end     func(error)
	known   bool   // it was done before
	effect  Effect // nil: there is nothing to do
	err     error  // what became of it; nil while nothing is wrong
}

// Handle handles a group of messages and returns for each what became of it: nil is done, now or before. An error that wraps
// events.ErrMalformed will never go away; another one may. It is what bus.Consumer.Handle wants.
//   - Handlers are asked one after the other, in the order of the messages, before the transaction. Who is known to be done
//     isn't handled but answered again.
//   - Then one transaction marks the new ones and has their effects in the same order. If one fails, or the commit, all of it
//     is undone and each has a transaction of its own: its effect may run a second time, but its handler isn't asked again.
//   - A message that is in the group twice is done once, and both get the same answer.
//   - A handler or an effect that panics is an error of its message only.
func (i *Inbox) Handle(ctx context.Context, group []events.Message) []error {
	jobs := make(map[string]*job, len(group))
	order := make([]*job, 0, len(group))
	for _, m := range group {
		if jobs[m.ID] == nil {
			j := i.job(ctx, m)
			jobs[m.ID] = j
			order = append(order, j)
		}
	}
	i.handle(ctx, order)
	for _, j := range order {
		switch {
		case j.err != nil:
			i.observe("inbox.failed", 1)
		case j.known:
			i.observe("inbox.hit", 1)
		default:
			i.observe("inbox.done", 1)
		}
		j.end(j.err)
	}
	errs := make([]error, len(group))
	for n, m := range group {
		errs[n] = jobs[m.ID].err
	}
	return errs
}

// job begins with a message. What nobody here can ever do has its error already.
func (i *Inbox) job(ctx context.Context, m events.Message) *job {
	j := &job{message: m, ctx: ctx, end: func(error) {}}
	if i.Around != nil {
		j.ctx, j.end = i.Around(ctx, m)
	}
	var ok bool
	switch j.handler, ok = i.handlers[m.Type]; {
	case !ok:
		j.err = fmt.Errorf("%w: nobody here handles type %q", events.ErrMalformed, m.Type)
	case m.ID == "", !utf8.ValidString(m.ID), strings.ContainsRune(m.ID, 0): // the database has no text for the last two
		j.err = fmt.Errorf("%w: id %q can't be marked as done", events.ErrMalformed, m.ID)
	}
	return j
}

func (i *Inbox) handle(ctx context.Context, jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), (*job).failed)
	if err := i.look(ctx, jobs); err != nil {
		fail(jobs, err)
		return
	}
	for _, j := range jobs {
		j.effect, j.err = i.ask(j)
	}
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.failed() || j.known && j.effect == nil })
	err := i.do(ctx, jobs)
	switch {
	case err == nil:
	case len(jobs) == 1 || ctx.Err() != nil:
		fail(jobs, err)
	default:
		i.log().Debug("a group is done one by one", "messages", len(jobs), "error", err)
		for _, j := range jobs {
			j.err = i.do(ctx, []*job{j})
		}
	}
}

func (j *job) failed() bool { return j.err != nil }

func fail(jobs []*job, err error) {
	for _, j := range jobs {
		j.err = err
	}
}

// look finds out which messages were done before, to spare the handlers' asking others about them. What it doesn't find may
// still be done by another program: do finds that.
func (i *Inbox) look(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	ids := make([]any, len(jobs))
	for n, j := range jobs {
		ids[n] = j.message.ID
	}
	ids = padded(ids)
	known, err := readIDs(ctx, i.db, "SELECT id FROM inbox WHERE id IN ("+list(len(ids), "$%d", 1)+")", ids)
	if err != nil {
		return fmt.Errorf("look into the inbox: %w", err)
	}
	for _, j := range jobs {
		j.known = known[j.message.ID]
	}
	return nil
}

// ask asks the handler for the effect of a message, or for its answer if it was done before.
func (i *Inbox) ask(j *job) (effect Effect, err error) {
	defer i.caught(j, &err)
	if !j.known {
		return j.handler.Handle(j.ctx, j.message)
	}
	if j.handler.Again == nil {
		return nil, nil
	}
	return j.handler.Again(j.ctx, j.message)
}

// do has the effects of jobs, and marks the new ones, in one transaction.
func (i *Inbox) do(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	err := i.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if err := i.mark(ctx, tx, jobs); err != nil {
			return err
		}
		failpoint.Reach("inbox.marked")
		for _, j := range jobs {
			if err := i.run(j, tx); err != nil {
				return fmt.Errorf("%s %s: %w", j.message.Type, j.message.ID, err)
			}
		}
		return nil
	})
	if err == nil {
		failpoint.Reach("inbox.committed")
	}
	return err
}

// mark marks the new messages as done. Who has one of them at the same time waits here until this transaction is over, and then
// it is known there. They are marked in the order of their IDs: two that wait for each other would wait for ever.
func (i *Inbox) mark(ctx context.Context, tx *outbox.Tx, jobs []*job) error {
	var fresh []*job
	for _, j := range jobs {
		if !j.known {
			fresh = append(fresh, j)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b *job) int { return strings.Compare(a.message.ID, b.message.ID) })
	var ids []any
	for _, j := range fresh {
		ids = append(ids, j.message.ID)
	}
	ids = padded(ids)
	marked, err := readIDs(ctx, tx, "INSERT INTO inbox (done_at, id) VALUES "+list(len(ids), "($1, $%d)", 2)+
		" ON CONFLICT DO NOTHING RETURNING id", append([]any{i.now().UnixMilli()}, ids...))
	if err != nil {
		return fmt.Errorf("mark messages as done: %w", err)
	}
	for _, j := range fresh {
		if marked[j.message.ID] {
			continue
		}
		j.known = true // by another program, since look
		if j.effect, err = i.ask(j); err != nil {
			return err
		}
	}
	return nil
}

// run has the effect of one message.
func (i *Inbox) run(j *job, tx *outbox.Tx) (err error) {
	defer i.caught(j, &err)
	if j.effect == nil {
		return nil
	}
	return j.effect(j.ctx, tx)
}

// caught turns the panic of a handler or an effect into an error of its message.
func (i *Inbox) caught(j *job, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the handler of %s panicked: %v", j.message.Type, p)
		i.log().Error("a handler panicked", "type", j.message.Type, "id", j.message.ID, "order", j.message.Correlation,
			"panic", p, "stack", string(debug.Stack()))
	}
}

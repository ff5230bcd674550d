package inventory

import (
	"context"
	"fmt"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
)

type handlers struct{ env *service.Env }

// commands has what the inventory obeys. A command that comes a second time is obeyed a second time, which moves nothing (see
// steps) and answers what holds now: so one function does for both.
func (s *handlers) commands() inbox.Handlers {
	h := inbox.Handlers{}
	inbox.OnCommand(h, s.reserve, s.reserve)
	inbox.OnCommand(h, s.release, s.release)
	inbox.OnCommand(h, s.commit, s.commit)
	inbox.OnCommand(h, s.takeBack, s.takeBack)
	return h
}

func (s *handlers) reserve(ctx context.Context, tx *outbox.Tx, m events.Message, c events.StockReserve) error {
	lines, err := sorted(c.Lines)
	if err != nil {
		return err
	}
	return s.obey(ctx, tx, m, Reserve, c.Order, lines, "")
}

func (s *handlers) release(ctx context.Context, tx *outbox.Tx, m events.Message, c events.StockRelease) error {
	return s.obey(ctx, tx, m, Release, c.Order, nil, "")
}

func (s *handlers) commit(ctx context.Context, tx *outbox.Tx, m events.Message, c events.StockCommit) error {
	return s.obey(ctx, tx, m, Commit, c.Order, nil, "")
}

func (s *handlers) takeBack(ctx context.Context, tx *outbox.Tx, m events.Message, c events.StockReturn) error {
	return s.obey(ctx, tx, m, Return, c.Order, nil, c.Refund)
}

// obey does what a command asks for and answers it. wanted are the lines of a Reserve, refund is of a Return. Only a Reserve
// can be too old: the others bring an order to its end, whenever they come.
func (s *handlers) obey(ctx context.Context, tx *outbox.Tx, m events.Message, c Command, order string, wanted []events.Line,
	refund string) error {
	if err := checkKey("order", order); err != nil {
		return err
	}
	r, err := lock(ctx, tx, order)
	if err != nil {
		return err
	}
	step, ok := Decide(r.State, c)
	if !ok {
		return fmt.Errorf("%s for order %s, whose goods are %q: the order service never asks for that", c, order, r.State)
	}
	if r.State == None && c == Reserve {
		r.Lines = wanted
		if r.Rejection, err = s.keep(ctx, tx, m, r); err != nil {
			return err
		}
		if r.Rejection.Reason != "" {
			step, r.Lines = Step{Next: Rejected, Answer: rejected}, nil
		}
	} else if err := s.move(ctx, tx, m, r.Lines, step.Move); err != nil {
		return err
	}
	if step.Next != r.State {
		r.State = step.Next
		if err := save(ctx, tx, r); err != nil {
			return err
		}
	}
	s.env.Observe("stock.answer", 1, "answer", step.Answer)
	s.env.Log.DebugContext(ctx, "stock", "order", order, "command", string(c), "state", string(r.State), "answer", step.Answer)
	return tx.Send(ctx, answer(step.Answer, r, refund), s.about(m, order, 0))
}

// keep keeps all lines of an order for it, or none: then it returns why.
func (s *handlers) keep(ctx context.Context, tx *outbox.Tx, m events.Message, r Reservation) (events.StockRejected, error) {
	if !m.NotAfter.IsZero() && s.env.Now().After(m.NotAfter) {
		return events.StockRejected{Order: r.Order, Reason: "too_late"}, nil
	}
	kept := make([]Level, 0, len(r.Lines))
	for i, l := range r.Lines {
		after, enough, err := move(ctx, tx, l, keep)
		if err != nil {
			return events.StockRejected{}, err
		}
		if enough {
			kept = append(kept, after)
			continue
		}
		for _, l := range r.Lines[:i] { // nobody has seen it: the transaction isn't over
			if _, _, err := move(ctx, tx, l, free); err != nil {
				return events.StockRejected{}, err
			}
		}
		return whyNot(ctx, tx, r.Order, l)
	}
	return events.StockRejected{}, s.tell(ctx, tx, m, kept)
}

// whyNot says why an order can't have a line.
func whyNot(ctx context.Context, tx *outbox.Tx, order string, l events.Line) (events.StockRejected, error) {
	rejection := events.StockRejected{Order: order, SKU: l.SKU, Wanted: l.Quantity, Reason: "unknown_product"}
	found, err := levels(ctx, tx, []string{l.SKU})
	if len(found) == 1 {
		rejection.Reason, rejection.Available = "out_of_stock", found[0].Available
	}
	return rejection, err
}

// move moves goods that are there: what was kept or sold goes back or on.
func (s *handlers) move(ctx context.Context, tx *outbox.Tx, m events.Message, lines []events.Line, by Move) error {
	if by == stay {
		return nil
	}
	moved := make([]Level, len(lines))
	for i, l := range lines {
		var found bool
		var err error
		if moved[i], found, err = move(ctx, tx, l, by); err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("product %s, of which %d are kept or sold, has gone", l.SKU, l.Quantity)
		}
	}
	if by.Available == 0 {
		return nil // what can be ordered is as before
	}
	return s.tell(ctx, tx, m, moved)
}

// tell tells everybody how many of some products can be ordered now.
func (s *handlers) tell(ctx context.Context, tx *outbox.Tx, m events.Message, changed []Level) error {
	for _, l := range changed {
		level := events.StockLevel{SKU: l.SKU, Available: l.Available}
		if err := tx.Send(ctx, level, s.about(m, l.SKU, l.Version)); err != nil {
			return err
		}
	}
	return nil
}

// answer says what holds. A reserve that finds the goods released or returned is rejected, too.
func answer(name string, r Reservation, refund string) events.Payload {
	switch name {
	case reserved:
		return events.StockReserved{Order: r.Order}
	case released:
		return events.StockReleased{Order: r.Order}
	case committed:
		return events.StockCommitted{Order: r.Order}
	case returned:
		return events.StockReturned{Order: r.Order, Refund: refund}
	}
	if r.State == Rejected {
		return r.Rejection
	}
	return events.StockRejected{Order: r.Order, Reason: "released"}
}

func (s *handlers) about(m events.Message, correlation string, version int64) events.About {
	return events.About{Correlation: correlation, Cause: m.ID, Version: version, Now: s.env.Now()}
}

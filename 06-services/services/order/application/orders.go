package application

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
	"warren.example/06-services/store"
)

// Orders is the application.
type Orders struct {
	DB        store.Querier
	Box       *outbox.Box
	Store     Store
	Prices    Prices
	Limits    saga.Limits
	OutboxAge time.Duration // no order is taken while a message has waited longer to be sent
	Now       func() time.Time
	Broker    func() error // nil, or why RabbitMQ can't be reached
	Log       *slog.Logger
	Observe   func(name string, value float64, labels ...string)
}

// What a caller may have done wrong.
var (
	ErrNotFound = errors.New("there is no such order")
	ErrRefused  = errors.New("the order's status forbids it")
)

// tries is how often a transaction is tried when others are faster.
const tries = 10

// do runs fn in a transaction, and again if somebody else was faster.
func (a *Orders) do(ctx context.Context, fn func(ctx context.Context, tx *outbox.Tx) error) error {
	for try := 1; ; try++ {
		err := a.Box.Do(ctx, fn)
		if !errors.Is(err, ErrConflict) || try == tries {
			return err
		}
	}
}

// step lets an input happen to a saga, in one transaction with all that it leads to. cause is the id of the message that it
// came by. It observes what it does, also when the transaction fails in the end: its counts are a little too high.
func (a *Orders) step(
	ctx context.Context, tx *outbox.Tx, row Saga, in saga.Input, reason, cause string,
) (saga.Outcome, error) {
	d := saga.Step(row.Saga, in, reason, a.Limits)
	second := Saga{Key: refundOf(row.Order), Order: row.Order}
	if d.Start != "" {
		_, begun, err := a.Store.Saga(ctx, tx, second.Key)
		if err != nil {
			return d.Outcome, err
		}
		if begun { // the same wish or answer has come before
			d.Start, d.Order = "", ""
		}
	}
	switch {
	case d.Outcome != saga.Taken, d.Stays && d.Start == "":
		a.Observe("saga.ignored", 1, "state", string(row.State), "input", string(in))
		return d.Outcome, nil
	case d.Saga.Overdue:
		a.Observe("saga.overdue", 1, "state", string(d.Saga.State))
		a.Log.WarnContext(ctx, "saga overdue", "order", row.Order, "saga", row.Key, "state", d.Saga.State, "asks", d.Saga.Asks)
	}
	a.Observe("saga.step", 1, "state", string(row.State), "input", string(in), "to", string(d.Saga.State))
	a.Log.DebugContext(ctx, "saga", "order", row.Order, "saga", row.Key, "state", row.State, "input", in, "to", d.Saga.State)

	o, err := a.load(ctx, tx, row.Order)
	if err != nil {
		return d.Outcome, err
	}
	if o, err = a.change(ctx, tx, o, d, second.Key, cause); err != nil {
		return d.Outcome, err
	}
	if err := a.carryOut(ctx, tx, o, row, d, cause); err != nil || d.Start == "" {
		return d.Outcome, err
	}
	return d.Outcome, a.carryOut(ctx, tx, o, second, saga.Begin(d.Start, a.Limits), cause)
}

// carryOut sends what a decision says and stores the saga.
func (a *Orders) carryOut(ctx context.Context, tx *outbox.Tx, o order.Order, row Saga, d saga.Decision, cause string) error {
	now := a.Now()
	if d.Send != "" {
		m, err := command(o, row.Key, d, cause, now)
		if err != nil {
			return err
		}
		if d.Again {
			m.ID = row.Asked
		}
		row.Asked = m.ID
		if err := tx.SendMessage(ctx, m); err != nil {
			return err
		}
	}
	row.Saga = d.Saga
	switch {
	case d.Wait > 0:
		row.Deadline = now.Add(d.Wait)
	case !d.Stays:
		row.Deadline = time.Time{}
	}
	return a.Store.Save(ctx, tx, row)
}

// change lets the order decide about a saga's change, stores the events and tells the other services.
func (a *Orders) change(
	ctx context.Context, tx *outbox.Tx, o order.Order, d saga.Decision, refund, cause string,
) (order.Order, error) {
	wish := wishes(d, refund)
	if wish == nil {
		return o, nil
	}
	happened, err := order.Decide(o, wish)
	if err != nil {
		return o, fmt.Errorf("order %s: %w", o.ID, err)
	}
	return a.record(ctx, tx, o, happened, cause)
}

// record adds events to an order's stream and tells the other services of those that concern them.
func (a *Orders) record(
	ctx context.Context, tx *outbox.Tx, o order.Order, happened []order.Event, cause string,
) (order.Order, error) {
	now := a.Now()
	var facts []Fact
	for _, e := range happened {
		o = o.Apply(e)
		facts = append(facts, Fact{Version: o.Version, At: now, Event: e})
	}
	if err := a.Store.Append(ctx, tx, o, facts); err != nil {
		return o, err
	}
	for _, f := range facts {
		if err := tell(ctx, tx, o, f, cause); err != nil {
			return o, err
		}
	}
	return o, nil
}

// load returns an order as it is now; one that nobody has placed has no status.
func (a *Orders) load(ctx context.Context, q store.Querier, id string) (order.Order, error) {
	facts, err := a.Store.Events(ctx, q, id)
	return replay(facts), err
}

func replay(facts []Fact) order.Order {
	stream := make([]order.Event, len(facts))
	for i, f := range facts {
		stream[i] = f.Event
	}
	return order.Replay(stream)
}

// refundOf returns the id of an order's refund or repayment. An order has one at most, however often it is asked for.
func refundOf(order string) string { return "r-" + order }

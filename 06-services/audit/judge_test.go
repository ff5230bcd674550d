package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/audit"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/money"
)

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

// sound are the facts of a shop that has kept its word: one order of each fate.
func sound(t *testing.T) *audit.Facts {
	cups := map[string]int{"cup": 2}
	f := &audit.Facts{
		Orders: map[string]audit.Order{
			"sold":     {Status: "confirmed", Total: eur(1000), Items: cups},
			"dropped":  {Status: "cancelled", Total: eur(1000), Items: cups},
			"repaid":   {Status: "cancelled", Total: eur(1000), Items: cups}, // the money came too late
			"returned": {Status: "refunded", Total: eur(1000), Items: cups},
			"stuck":    {Status: "refund_stuck", Total: eur(1000), Items: cups, Stuck: true},
		},
		Charges: map[string]audit.Charge{
			"sold":     {Captured: eur(1000)},
			"repaid":   {Captured: eur(1000), Refunded: eur(1000)},
			"returned": {Captured: eur(1000), Refunded: eur(1000)},
			"stuck":    {Captured: eur(1000)},
		},
		Stock:    map[string]audit.Stock{"cup": {Supplied: 10, Available: 6}},
		Overdue:  map[string]string{"stuck": "stuck"},
		Parked:   map[string]int{"order.parked": 0},
		Outboxes: map[string]int64{"order": 0},
	}
	for id, o := range f.Orders {
		tell := func(p events.Payload) {
			m := eventstest.Message(t, p, events.About{Correlation: id})
			f.Stream = append(f.Stream, audit.Entry{Offset: int64(len(f.Stream)), Message: m})
		}
		tell(events.OrderPlaced{Order: id, Customer: "u-1", Total: o.Total})
		if c := f.Charges[id]; c.Captured.Minor > 0 {
			tell(events.PaymentCaptured{Order: id, Amount: c.Captured})
			tell(events.PaymentCaptured{Order: id, Amount: c.Captured}) // asked again, answered again
		}
		if o.Status == "cancelled" {
			tell(events.OrderCancelled{Order: id, Customer: "u-1", Reason: "no_answer"})
		} else {
			tell(events.OrderConfirmed{Order: id, Customer: "u-1", Total: o.Total})
		}
		if f.Charges[id].Refunded.Minor > 0 {
			tell(events.PaymentRefunded{Order: id, Refund: "r-" + id, Amount: o.Total})
		}
		if o.Status == "refunded" {
			tell(events.OrderRefunded{Order: id, Customer: "u-1", Refund: "r-" + id, Amount: o.Total})
		}
	}
	f.Stream = append(f.Stream, f.Stream[0]) // sent again, as the confirm was lost
	return f
}

func TestNothingIsWrongWithASoundShop(t *testing.T) {
	require.Empty(t, audit.Judge(*sound(t)))
	require.Empty(t, audit.Judge(audit.Facts{}))
}

// One fact is changed. What the auditor finds is exactly this.
func TestEveryBrokenPromiseIsFound(t *testing.T) {
	type found = map[string]audit.Rule // by subject
	order := func(f *audit.Facts, id string, change func(*audit.Order)) {
		o := f.Orders[id]
		change(&o)
		f.Orders[id] = o
	}
	without := func(f *audit.Facts, id, name string) {
		var left []audit.Entry
		for _, e := range f.Stream {
			if e.Correlation != id || e.Type != name {
				left = append(left, e)
			}
		}
		f.Stream = left
	}
	tell := func(f *audit.Facts, p events.Payload) {
		f.Stream = append(f.Stream, audit.Entry{Message: eventstest.Message(t, p, events.About{})})
	}
	cups := func(s audit.Stock) func(f *audit.Facts) {
		return func(f *audit.Facts) { f.Stock["cup"] = s }
	}
	for name, c := range map[string]struct {
		spoil func(f *audit.Facts)
		want  found
	}{
		"unfinished": {func(f *audit.Facts) {
			order(f, "dropped", func(o *audit.Order) { o.Status = "placed" })
			without(f, "dropped", "order.cancelled")
		}, found{"dropped": audit.Finished}},
		"unknown status": {func(f *audit.Facts) { order(f, "dropped", func(o *audit.Order) { o.Status = "lost" }) },
			found{"dropped": audit.Finished}},
		"overdue":           {func(f *audit.Facts) { f.Overdue["sold"] = "committing" }, found{"sold": audit.Finished}},
		"captured twice":    {capture("sold", 2000, 0), found{"sold": audit.Money}},
		"captured too much": {capture("sold", 1001, 0), found{"sold": audit.Money}},
		"sold unpaid":       {capture("sold", 0, 0), found{"sold": audit.Money}},
		"sold and repaid":   {capture("sold", 1000, 1000), found{"sold": audit.Money}},
		"dropped but taken": {capture("dropped", 1000, 0), found{"dropped": audit.Money}},
		"refunded in part":  {capture("returned", 1000, 400), found{"returned": audit.Money}},
		"refunded twice":    {capture("returned", 1000, 2000), found{"returned": audit.Money}},
		"other currency": {func(f *audit.Facts) { f.Charges["sold"] = audit.Charge{Captured: money.Of(1000, "USD")} },
			found{"sold": audit.Money}},
		"money of nobody": {func(f *audit.Facts) { f.Charges["ghost"] = audit.Charge{Captured: eur(5)} },
			found{"ghost": audit.Money}},
		"stuck, and nobody knows": {func(f *audit.Facts) {
			order(f, "stuck", func(o *audit.Order) { o.Stuck = false })
			delete(f.Overdue, "stuck")
		}, found{"stuck": audit.Finished}},
		"goods gone":       {cups(audit.Stock{Supplied: 10, Available: 5}), found{"cup": audit.Goods}},
		"goods from air":   {cups(audit.Stock{Supplied: 10, Available: 7}), found{"cup": audit.Goods}},
		"kept for nobody":  {cups(audit.Stock{Supplied: 10, Available: 5, Reserved: 1}), found{"cup": audit.Goods}},
		"sold out and out": {cups(audit.Stock{Supplied: 3, Available: -1}), found{"cup": audit.Goods}},
		"not told":         {func(f *audit.Facts) { without(f, "sold", "order.confirmed") }, found{"sold": audit.Story}},
		"money not told":   {func(f *audit.Facts) { without(f, "sold", "payment.captured") }, found{"sold": audit.Story}},
		"refund not told":  {func(f *audit.Facts) { without(f, "repaid", "payment.refunded") }, found{"repaid": audit.Story}},
		"told twice": {func(f *audit.Facts) {
			tell(f, events.OrderConfirmed{Order: "sold", Customer: "u-1", Total: eur(1000)})
		}, found{"sold": audit.Story}},
		"told otherwise": {func(f *audit.Facts) {
			tell(f, events.OrderCancelled{Order: "sold", Customer: "u-1", Reason: "customer"})
		}, found{"sold": audit.Story}},
		"told of nobody": {func(f *audit.Facts) { tell(f, events.ParcelMoved{Order: "ghost", Number: 1, Status: "sent"}) },
			found{"ghost": audit.Story}},
		"one id for two": {func(f *audit.Facts) {
			e := f.Stream[0]
			e.Type = "user.login"
			f.Stream = append(f.Stream, e)
		}, found{"": audit.Story}},
		"unknown type": {func(f *audit.Facts) {
			f.Stream = append(f.Stream, audit.Entry{Message: events.Message{ID: "m-1", Type: "order.lost"}})
		}, found{"m-1": audit.Story}},
		"unreadable": {func(f *audit.Facts) {
			f.Stream = append(f.Stream, audit.Entry{Message: events.Message{ID: "m-1", Type: "user.login", Body: []byte("<")}})
		}, found{"m-1": audit.Story}},
		"told by another": {func(f *audit.Facts) {
			f.Stream = append(f.Stream, audit.Entry{Message: events.Message{ID: "m-1", Type: "user.login", Service: "order",
				Body: []byte("{}")}})
		}, found{"m-1": audit.Story}},
		"parked": {func(f *audit.Facts) { f.Parked["order.parked"] = 1 }, found{"order.parked": audit.Tidy}},
		"unsent": {func(f *audit.Facts) { f.Outboxes["order"] = 3 }, found{"order": audit.Tidy}},
	} {
		t.Run(name, func(t *testing.T) {
			f := sound(t)
			c.spoil(f)
			violations := audit.Judge(*f)
			require.NotEmpty(t, violations)
			for subject, rule := range c.want {
				if subject == "" {
					subject = f.Stream[0].ID
				}
				for _, v := range violations {
					require.Equal(t, subject, v.Subject, v.String())
				}
				require.Equal(t, rule, violations[0].Rule, violations[0].String())
			}
		})
	}
}

// capture makes the provider say this of an order's money. What the events say is another rule.
func capture(id string, captured, refunded int64) func(f *audit.Facts) {
	return func(f *audit.Facts) {
		f.Charges[id] = audit.Charge{Captured: eur(captured), Refunded: eur(refunded)}
		f.Stream = nil
	}
}

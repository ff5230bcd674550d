package audit

import (
	"cmp"
	"fmt"
	"slices"

	"warren.example/06-services/money"
)

// Judge returns all violations, sorted. It asks nobody: the same facts have the same violations.
func Judge(f Facts) []Violation {
	j := &judge{Facts: f}
	for id, o := range f.Orders {
		j.finished(id, o)
		j.money(id, o)
	}
	for id, c := range f.Charges {
		if _, ok := f.Orders[id]; !ok && c.Captured.Minor != c.Refunded.Minor {
			j.add(Money, id, "%s was captured for an order that nobody placed", c.Captured)
		}
	}
	for id, state := range f.Overdue {
		if !f.Orders[id].Stuck {
			j.add(Finished, id, "the saga waits too long: %s", state)
		}
	}
	j.goods()
	if f.Stream != nil {
		j.story()
	}
	for queue, n := range f.Parked {
		if n > 0 {
			j.add(Tidy, queue, "%d messages are parked", n)
		}
	}
	for service, n := range f.Outboxes {
		if n > 0 {
			j.add(Tidy, service, "%d messages are in the outbox", n)
		}
	}
	slices.SortFunc(j.found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Text, b.Text))
	})
	return j.found
}

type judge struct {
	Facts
	found []Violation
}

func (j *judge) add(r Rule, subject, format string, args ...any) {
	j.found = append(j.found, Violation{Rule: r, Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// A fate is what the status of an order says of money and goods.
type fate struct {
	ended bool // nothing more happens by itself
	paid  bool // the shop keeps the money
	sold  bool // the customer has the goods, or they are on their way
}

var fates = map[string]fate{
	"placed":       {},
	"reserved":     {},
	"confirmed":    {ended: true, paid: true, sold: true},
	"refunding":    {sold: true},
	"refund_stuck": {ended: true, sold: true},
	"refunded":     {ended: true},
	"cancelled":    {ended: true},
}

func (j *judge) finished(id string, o Order) {
	if fate, ok := fates[o.Status]; !ok {
		j.add(Finished, id, "nobody knows the status %q", o.Status)
	} else if !fate.ended {
		j.add(Finished, id, "it is still %s", o.Status)
	}
	if o.Status == "refund_stuck" && !o.Stuck {
		j.add(Finished, id, "it is refund_stuck, and no human knows")
	}
}

// money wants captured = kept + refunded + stuck. Of an order that isn't finished nothing is wanted but a single currency and
// no more back than was taken.
func (j *judge) money(id string, o Order) {
	c := j.Charges[id]
	for _, m := range []money.Money{c.Captured, c.Refunded} {
		if m.Minor != 0 && m.Currency != o.Total.Currency {
			j.add(Money, id, "%s for an order over %s", m, o.Total)
			return
		}
	}
	var kept int64
	if fates[o.Status].paid {
		kept = o.Total.Minor
	}
	left := money.Of(c.Captured.Minor-c.Refunded.Minor-kept, o.Total.Currency)
	switch {
	case c.Refunded.Minor > c.Captured.Minor:
		j.add(Money, id, "%s went back of %s", c.Refunded, c.Captured)
	case !fates[o.Status].ended, left.Minor == 0:
	case left.Minor > 0 && o.Stuck:
	case left.Minor > 0:
		j.add(Money, id, "it is %s: %s captured, %s refunded, and nobody says why %s is left", o.Status, c.Captured, c.Refunded,
			left)
	default:
		j.add(Money, id, "it is %s over %s: only %s captured, %s refunded", o.Status, o.Total, c.Captured, c.Refunded)
	}
}

// goods wants supplied = available + reserved + sold of each product, and nothing reserved when all orders are finished.
func (j *judge) goods() {
	sold := map[string]int{}
	open := false
	for _, o := range j.Orders {
		open = open || !fates[o.Status].ended
		if fates[o.Status].sold {
			for sku, n := range o.Items {
				sold[sku] += n
			}
		}
	}
	for sku, s := range j.Stock {
		if s.Available < 0 || s.Reserved < 0 {
			j.add(Goods, sku, "%d available, %d reserved: less than nothing", s.Available, s.Reserved)
		}
		if got := s.Available + s.Reserved + sold[sku]; got != s.Supplied && !open {
			j.add(Goods, sku, "%d supplied, but %d available, %d reserved, %d sold", s.Supplied, s.Available, s.Reserved, sold[sku])
		}
		if s.Reserved > 0 && !open {
			j.add(Goods, sku, "%d are reserved for nobody", s.Reserved)
		}
	}
}

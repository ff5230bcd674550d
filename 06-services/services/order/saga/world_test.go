package saga_test

import (
	"fmt"

	"pgregory.net/rapid"

	"warren.example/06-services/money"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
)

// A world is one order with its sagas, a network that loses, doubles and mixes up messages, and simple models of inventory and
// payment, which remember message ids as an inbox does.
type world struct {
	t       *rapid.T
	limits  saga.Limits
	order   order.Order
	sagas   map[string]*running
	network []message
	lastID  int

	contradicted bool // the payment has taken money after it had said no
	charged      bool // payment.charge was sent
	gentle       bool // from now on refunds succeed
	goods        string
	money        string
	back         string       // of the money: "refunded", "failed"
	seen         map[int]bool // refunds that were tried, by message id
}

// running is a saga with what the service stores beside it.
type running struct {
	saga.Saga
	asked    int
	deadline bool
}

type message struct {
	id   int
	name string
}

const refundID = "r-1"

func newWorld(t *rapid.T, l saga.Limits) *world {
	w := &world{t: t, limits: l, sagas: map[string]*running{}, seen: map[int]bool{}}
	w.happen(order.Place{ID: "1", Customer: "ann", Items: []order.Item{{SKU: "tea", Quantity: 1, Price: money.Of(1, "EUR")}}})
	w.begin("1", saga.Reserving)
	return w
}

// happen lets the order decide; it must never say no to a saga.
func (w *world) happen(c order.Command) {
	happened, err := order.Decide(w.order, c)
	if err != nil {
		w.t.Fatalf("the order refuses %T: %v", c, err)
	}
	for _, e := range happened {
		w.order = w.order.Apply(e)
	}
}

func (w *world) begin(key string, s saga.State) {
	w.sagas[key] = &running{}
	w.carryOut(w.sagas[key], saga.Begin(s, w.limits))
}

// input lets something happen to a saga, as package application does.
func (w *world) input(key string, in saga.Input, reason string) {
	s := w.sagas[key]
	if s == nil {
		return
	}
	d := saga.Step(s.Saga, in, reason, w.limits)
	if d.Start != "" && w.sagas[refundID] != nil {
		d.Start, d.Order = "", ""
	}
	if d.Outcome != saga.Taken {
		return
	}
	if c := command(d); c != nil {
		w.happen(c)
	}
	w.carryOut(s, d)
	if d.Start != "" {
		w.begin(refundID, d.Start)
	}
}

func command(d saga.Decision) order.Command {
	return map[saga.Change]order.Command{
		saga.Reserve: order.Reserve{}, saga.Confirm: order.Confirm{}, saga.Drop: order.Cancel{Reason: d.Saga.Reason},
		saga.AskRefund: order.AskRefund{Refund: refundID}, saga.Overcharge: order.Overcharge{Refund: refundID},
		saga.GetStuck: order.GetStuck{}, saga.Unstick: order.Resume{}, saga.GiveBack: order.Refund{}, saga.Repay: order.Repay{},
	}[d.Order]
}

func (w *world) carryOut(s *running, d saga.Decision) {
	s.Saga = d.Saga
	if !d.Stays {
		s.deadline = d.Wait > 0
	}
	if d.Send == "" {
		return
	}
	if !d.Again {
		w.lastID++
		s.asked = w.lastID
	}
	switch d.Send {
	case "payment.charge":
		w.charged = true
	case "stock.release":
		if w.charged && w.money == "" {
			w.t.Fatalf("stock is released while a charge may still succeed")
		}
	}
	w.network = append(w.network, message{id: s.asked, name: d.Send})
}

// deliver takes a message to who it is for.
func (w *world) deliver(m message) {
	switch m.name {
	case "stock.reserve", "stock.release", "stock.commit", "stock.return":
		w.say(w.inventory(m.name))
	case "payment.charge", "payment.void", "payment.refund":
		w.say(w.payment(m))
	case "payment.refunded", "payment.refund-failed", "stock.returned":
		w.input(refundID, saga.Input(m.name), "")
	case "stock.rejected", "payment.declined":
		w.input("1", saga.Input(m.name), "reason")
	default:
		w.input("1", saga.Input(m.name), "")
	}
}

func (w *world) say(name string) {
	w.lastID++
	w.network = append(w.network, message{id: w.lastID, name: name})
}

func (w *world) inventory(name string) string {
	switch cell := name + " " + w.goods; cell {
	case "stock.reserve ":
		w.goods = rapid.SampledFrom([]string{"reserved", "rejected"}).Draw(w.t, "goods")
	case "stock.release ", "stock.release reserved", "stock.release rejected", "stock.release released":
		w.goods = "released"
		return "stock.released"
	case "stock.commit reserved", "stock.commit committed":
		w.goods = "committed"
		return "stock.committed"
	case "stock.commit returned": // the return has overtaken it
		return "stock.committed"
	case "stock.return reserved", "stock.return committed", "stock.return returned":
		w.goods = "returned"
		return "stock.returned"
	case "stock.reserve reserved", "stock.reserve committed", "stock.reserve returned",
		"stock.reserve released", "stock.reserve rejected": // another copy, or too late
	default:
		w.t.Fatalf("the inventory gets a %s when the goods are %q", name, w.goods)
	}
	if w.goods == "released" || w.goods == "rejected" {
		return "stock.rejected"
	}
	return "stock.reserved"
}

func (w *world) payment(m message) string {
	switch {
	case m.name == "payment.refund":
		return w.refund(m.id)
	case m.name == "payment.charge" && w.money == "":
		w.money = rapid.SampledFrom([]string{"captured", "declined"}).Draw(w.t, "money")
	case w.money == "":
		w.money = "voided"
	}
	return "payment." + w.money
}

func (w *world) refund(id int) string {
	if w.money != "captured" {
		w.t.Fatalf("money is to go back that was never taken: %q", w.money)
	}
	if w.back != "refunded" && !w.seen[id] {
		w.back = "refunded"
		if !w.gentle && rapid.Bool().Draw(w.t, "refund fails") {
			w.back = "failed"
		}
	}
	w.seen[id] = true
	return map[string]string{"refunded": "payment.refunded", "failed": "payment.refund-failed"}[w.back]
}

// check says what must hold at any time.
func (w *world) check() {
	switch w.order.Status {
	case order.Confirmed, order.Refunding, order.RefundStuck, order.Refunded:
		if w.goods == "released" || w.goods == "rejected" || w.money != "captured" {
			w.t.Fatalf("the order is %s, its goods are %q, its money is %q", w.order.Status, w.goods, w.money)
		}
	}
}

// kept returns what the order is in the end, what has become of its goods if they aren't in the shop, and its money if it is.
func (w *world) kept() string {
	text := map[string]string{"committed": "sold", "reserved": "reserved"}[w.goods]
	if w.money == "captured" && w.back != "refunded" {
		text += " money"
	}
	return fmt.Sprintf("%s %s", w.order.Status, text)
}

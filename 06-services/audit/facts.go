package audit

import "warren.example/06-services/money"

// Facts are what the services tell of themselves when the shop rests. What isn't asked for is left empty: what the rules say of
// it is true then.
type Facts struct {
	Orders   map[string]Order  // by id: all that the order service has
	Charges  map[string]Charge // by order: all that the payment provider has
	Stock    map[string]Stock  // by SKU
	Overdue  map[string]string // by order: the state of a saga that has waited too long
	Stream   []Entry           // the audit stream; nil: it isn't judged
	Parked   map[string]int    // by queue: messages that nobody could handle, without those that a test has made on purpose
	Outboxes map[string]int64  // by service: messages that aren't confirmed
}

// An Order is what the order service says of one.
type Order struct {
	Status string // as the order service has it: "confirmed"
	Total  money.Money
	Items  map[string]int // how many, by SKU
	// Stuck says that money which should go back doesn't, and that a human knows: the order is refund_stuck, or it is cancelled,
	// the money came too late, and the saga that gives it back is stuck.
	Stuck bool
}

// A Charge is what the payment provider says of one.
type Charge struct {
	Captured money.Money
	Refunded money.Money // what of it went back
}

// A Stock is what the inventory says of a product.
type Stock struct {
	Supplied  int // what was ever put in
	Available int
	Reserved  int
}

// A Violation is a broken promise.
type Violation struct {
	Rule    Rule
	Subject string // the order, the SKU, the queue, the service
	Text    string
}

// A Rule is a promise of the shop.
type Rule string

// The rules.
const (
	Finished Rule = "finished" // every order comes to an end, and no saga waits too long
	Money    Rule = "money"    // captured = kept + refunded + stuck
	Goods    Rule = "goods"    // supplied = available + reserved + sold
	Story    Rule = "story"    // the events tell what the services say, and tell it once
	Tidy     Rule = "tidy"     // nothing is parked, nothing is unsent
)

// String writes a violation in one line.
func (v Violation) String() string { return string(v.Rule) + ": " + v.Subject + ": " + v.Text }

package saga

import "warren.example/06-services/events"

// commands says what a saga asks for when it comes into a state. The others ask for nothing.
var commands = map[State]string{
	Reserving:   events.StockReserve{}.Name(),
	Charging:    events.PaymentCharge{}.Name(),
	Voiding:     events.PaymentVoid{}.Name(),
	Withdrawing: events.PaymentVoid{}.Name(),
	Releasing:   events.StockRelease{}.Name(),
	Committing:  events.StockCommit{}.Name(),
	Refunding:   events.PaymentRefund{}.Name(),
	Returning:   events.StockReturn{}.Name(),
	Repaying:    events.PaymentRefund{}.Name(),
}

// A row is what an input leads to.
type row struct {
	to    State  // "": the saga stays, and goes on waiting as it did
	order Change // what happens to the order
	why   string // why the order comes to nothing; "": as the answer says, or as it was
	start State  // a second saga begins here
}

// Rows that stand in the table more than once.
var (
	giveBack = row{order: AskRefund, start: Refunding} // the customer wants the money back
	tooMuch  = row{order: Overcharge, start: Repaying} // money for an order that comes to nothing
	accepted = row{}                                   // it is under way already
)

// table is the saga: what isn't in it changes nothing. An answer without a row comes again, or too late; a customer's wish
// without a row is refused. Three things are the same everywhere, and stand in Step:
//   - A deadline sends the command again, with its message id, as long as asks are left. Then its row here holds. Without a
//     row, it is sent again for ever.
//   - Resume sends it again at once.
//   - A refund that fails is tried anew after a pause (Pausing), until it is stuck.
//
// Stock is released when the payment has said that it takes no money, or was never asked to, and not before.
var table = map[State]map[Input]row{
	Reserving: {
		StockReserved: {to: Charging, order: Reserve},
		StockRejected: {to: Dropped, order: Drop},
		Deadline:      {to: Releasing, why: NoAnswer},
		Cancel:        {to: Releasing, why: ByCustomer},
	},
	Charging: {
		Captured: {to: Committing, order: Confirm},
		Declined: {to: Releasing},
		Deadline: {to: Voiding, why: NoAnswer},
		Cancel:   {to: Withdrawing, why: ByCustomer},
	},
	Voiding: {
		Voided:   {to: Releasing},
		Declined: {to: Releasing},
		Captured: {to: Committing, order: Confirm},
		Cancel:   {to: Withdrawing, why: ByCustomer},
	},
	Withdrawing: {
		Voided:   {to: Releasing, why: ByCustomer},
		Declined: {to: Releasing, why: ByCustomer},
		Captured: {to: Releasing, why: ByCustomer, order: Overcharge, start: Repaying},
		Cancel:   accepted,
	},
	Releasing: {
		StockReleased: {to: Dropped, order: Drop},
		Captured:      tooMuch, // the payment has contradicted itself
		Cancel:        accepted,
	},
	Dropped: {
		Captured: tooMuch,
		Cancel:   accepted,
	},
	Committing: {
		StockCommitted: {to: Sold},
		Cancel:         giveBack,
		Refund:         giveBack,
	},
	Sold: {
		Cancel: giveBack,
		Refund: giveBack,
	},

	Refunding: {
		Refunded:     {to: Returning, order: GiveBack},
		RefundFailed: {to: Pausing},
	},
	Pausing: {
		Refunded: {to: Returning, order: GiveBack},
		Deadline: {to: Refunding},
		Resume:   {to: Refunding},
	},
	Stuck: {
		Refunded: {to: Returning, order: GiveBack},
		Resume:   {to: Refunding, order: Unstick},
	},
	Returning: {
		StockReturned: {to: Returned},
	},

	Repaying: {
		Refunded:     {to: Repaid, order: Repay},
		RefundFailed: {to: RepayPausing},
	},
	RepayPausing: {
		Refunded: {to: Repaid, order: Repay},
		Deadline: {to: Repaying},
		Resume:   {to: Repaying},
	},
	RepayStuck: {
		Refunded: {to: Repaid, order: Repay},
		Resume:   {to: Repaying},
	},
}

// stuck says where a saga goes instead of pausing once more, and what that does to the order.
var stuck = map[State]row{
	Pausing:      {to: Stuck, order: GetStuck},
	RepayPausing: {to: RepayStuck},
}

// Package saga has the saga of an order: what is asked of whom, and what happens when the answer comes, or doesn't. It has no
// I/O and no clock. The table says it all on one page (table.go), and Step reads it.
//
// An order has one saga that sells it, and perhaps a second one that gives its money back. Each asks one thing at a time.
package saga

import (
	"time"

	"warren.example/06-services/config"
)

// A State says what a saga waits for.
type State string

// The states of the sale of an order.
const (
	Reserving   State = "reserving"   // the inventory is to keep the goods
	Charging    State = "charging"    // the payment is to take the money
	Voiding     State = "voiding"     // nobody knows whether it did: it is to take none. If it was too late, the sale goes on
	Withdrawing State = "withdrawing" // it is to take none, as the customer cancels. If it was too late, the money goes back
	Releasing   State = "releasing"   // the inventory is to keep nothing
	Committing  State = "committing"  // the inventory is to give the goods away
	Sold        State = "sold"        // ended: the customer has the goods, the shop has the money
	Dropped     State = "dropped"     // ended: nothing is kept
)

// The states of a refund, which gives money for goods back.
const (
	Refunding State = "refunding" // the payment is to give the money back
	Pausing   State = "pausing"   // it couldn't, and will be asked anew
	Stuck     State = "stuck"     // it couldn't, again and again: waits for a human
	Returning State = "returning" // the inventory is to take the goods back
	Returned  State = "returned"  // ended
)

// The states of a repayment, which gives money back that was taken for an order that comes to nothing. No goods come back.
const (
	Repaying     State = "repaying"
	RepayPausing State = "repay_pausing"
	RepayStuck   State = "repay_stuck"
	Repaid       State = "repaid" // ended
)

// An Input is something that happens to a saga.
type Input string

// The inputs. Those with the name of a message are the answers of inventory and payment.
const (
	StockReserved  Input = "stock.reserved"
	StockRejected  Input = "stock.rejected"
	StockReleased  Input = "stock.released"
	StockCommitted Input = "stock.committed"
	StockReturned  Input = "stock.returned"
	Captured       Input = "payment.captured"
	Declined       Input = "payment.declined"
	Voided         Input = "payment.voided"
	Refunded       Input = "payment.refunded"
	RefundFailed   Input = "payment.refund-failed"

	Deadline Input = "deadline" // the answer hasn't come in time
	Cancel   Input = "cancel"   // the customer doesn't want the order any more
	Refund   Input = "refund"   // the customer gives the goods back
	Resume   Input = "resume"   // an operator has seen to it
)

// A Change is what happens to the order.
type Change string

// The changes. "" is none.
const (
	Reserve    Change = "reserve"
	Confirm    Change = "confirm"
	Drop       Change = "drop" // the order is cancelled, for the saga's reason
	AskRefund  Change = "ask_refund"
	Overcharge Change = "overcharge" // money came for an order that comes to nothing
	GetStuck   Change = "get_stuck"
	Unstick    Change = "unstick"
	GiveBack   Change = "give_back" // the money of a sold order is back
	Repay      Change = "repay"     // the money of an order that came to nothing is back
)

// Why an order comes to nothing: the reasons of events.OrderCancelled.
const (
	NoAnswer        = "no_answer"
	ByCustomer      = "customer"
	OutOfStock      = "out_of_stock"
	UnknownProduct  = "unknown_product"
	PaymentDeclined = "payment_declined"
)

// A Saga is what has to be remembered of one.
type Saga struct {
	State    State
	Reason   string // why the order comes to nothing, if it does
	Asks     int    // how often the command under way was sent
	Failures int    // how often the payment has said that it couldn't give the money back
	Overdue  bool   // somebody should look: the answer is long overdue, or the saga is stuck
}

// Limits say how patient sagas are.
//   - Reserve and Charge: each answer is waited for so long, the command is sent so often, then the saga turns back. Asks 0: it
//     never does.
//   - Undo is for all other commands, which have no way back. They are sent for ever, with pauses that double. After Asks times
//     the saga is overdue, and a refund that has failed so often is stuck. Asks 0: never.
type Limits struct{ Reserve, Charge, Undo config.Patience }

// maxPause is how long the pauses between two asks get.
const maxPause = 5 * time.Minute

// grace is how much longer than the saga waits a command may be obeyed. It has to be longer than a broker may be away, and much
// shorter than the time after which somebody replays dead letters.
const grace = 10 * time.Minute

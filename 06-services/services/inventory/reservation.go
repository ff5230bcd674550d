package inventory

import "warren.example/06-services/events"

// A State is what has become of the goods of an order.
type State string

// The states. All but None are for ever in the database: they are how a command is known that comes a second time.
const (
	None      State = ""          // nobody has asked for anything yet
	Reserved  State = "reserved"  // kept for the order
	Rejected  State = "rejected"  // it couldn't have them
	Released  State = "released"  // not kept any more, or never: then it is a tombstone, a late reserve finds it
	Committed State = "committed" // sold
	Returned  State = "returned"  // taken back after a refund
)

// A Command is what the order service asks for.
type Command string

// The commands.
const (
	Reserve Command = "stock.reserve"
	Release Command = "stock.release"
	Commit  Command = "stock.commit"
	Return  Command = "stock.return"
)

// A Move says how many pieces go where for each piece of the order: 1 is one more, -1 one less. It sums up to 0, since goods
// neither appear nor vanish.
type Move struct{ Available, Reserved, Sold int }

var (
	stay     = Move{}
	keep     = Move{Available: -1, Reserved: +1}
	free     = Move{Available: +1, Reserved: -1}
	sell     = Move{Reserved: -1, Sold: +1}
	takeBack = Move{Available: +1, Sold: -1}
)

// A Step is what a command does to an order's goods: the state that comes next, the move of each of its pieces, and the name of
// the answer. No answer: the order service never asks for this, so it is an error, and a human looks at the message.
type Step struct {
	Next   State
	Move   Move
	Answer string
}

var (
	reserved  = events.StockReserved{}.Name()
	rejected  = events.StockRejected{}.Name()
	released  = events.StockReleased{}.Name()
	committed = events.StockCommitted{}.Name()
	returned  = events.StockReturned{}.Name()
	refused   = Step{}
)

// steps has all that can happen. To obey a command twice is to obey it once and to answer twice: no line leads to one where the
// same command moves anything. The only line that can end otherwise is the first: see Step.
var steps = map[State]map[Command]Step{
	None: {
		Reserve: {Reserved, keep, reserved}, // Rejected, if there isn't enough of everything or the command is too old
		Release: {Released, stay, released}, // it has overtaken the reserve, or that was lost
		Commit:  refused,
		Return:  {Returned, stay, returned},
	},
	Reserved: {
		Reserve: {Reserved, stay, reserved},
		Release: {Released, free, released},
		Commit:  {Committed, sell, committed},
		Return:  {Returned, free, returned}, // it has overtaken the commit
	},
	Rejected: {
		Reserve: {Rejected, stay, rejected},
		Release: {Rejected, stay, released},
		Commit:  refused,
		Return:  {Rejected, stay, returned}, // the money came after all and went back; the goods never left
	},
	Released: {
		Reserve: {Released, stay, rejected}, // too late: reason "released"
		Release: {Released, stay, released},
		Commit:  refused,
		Return:  {Released, stay, returned}, // as above
	},
	Committed: {
		Reserve: {Committed, stay, reserved},
		Release: refused, // who wants sold goods back sends a return
		Commit:  {Committed, stay, committed},
		Return:  {Returned, takeBack, returned},
	},
	Returned: {
		Reserve: {Returned, stay, rejected},
		Release: {Returned, stay, released},
		Commit:  {Returned, stay, committed}, // the return has overtaken it
		Return:  {Returned, stay, returned},
	},
}

// Decide looks up the step of a command. ok is false for one that nobody sends in this state.
func Decide(s State, c Command) (step Step, ok bool) {
	step = steps[s][c]
	return step, step.Answer != ""
}

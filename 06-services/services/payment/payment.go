package payment

import "warren.example/06-services/events"

// A State is what has become of the payment for an order. The provider uses the same words for what became of a charge.
type State string

// The states.
const (
	None     State = ""         // nobody has asked for anything yet
	Asked    State = "asked"    // the provider was asked, or is about to be: nobody knows what it did
	Captured State = "captured" // the money is taken
	Declined State = "declined" // it can't be had
	Voided   State = "voided"   // it never will be taken: also a tombstone, for a void that overtook its charge
)

// A Command is what the order service asks for.
type Command string

// The commands. A charge that comes after its not-after is a LateCharge.
const (
	Charge     Command = "payment.charge"
	LateCharge Command = "payment.charge, late"
	Void       Command = "payment.void"
)

// An Ask is what the provider has to be asked before a command can be answered.
type Ask int

// The asks.
const (
	AskNothing Ask = iota
	AskCharge      // take the money: nobody has asked for it before
	AskAgain       // it may have been asked: look up what it did, and take the money if it did nothing
	AskVoid        // take no money, or say that it was too late
)

// A Step is the first half of a command: the state to store before anybody is asked, and whom to ask then.
type Step struct {
	Next State
	Ask  Ask
}

// steps has all that can happen in the first half. What is final stays: then the command is only answered.
var steps = map[State]map[Command]Step{
	None: {
		Charge:     {Asked, AskCharge},
		LateCharge: {Declined, AskNothing}, // reason "too_late"
		Void:       {Voided, AskNothing},   // the provider is never asked without a row here
	},
	Asked: {
		Charge:     {Asked, AskAgain},
		LateCharge: {Asked, AskAgain}, // the money may be taken already: late or not, find out
		Void:       {Asked, AskVoid},
	},
	Captured: {Charge: {Captured, AskNothing}, LateCharge: {Captured, AskNothing}, Void: {Captured, AskNothing}},
	Declined: {Charge: {Declined, AskNothing}, LateCharge: {Declined, AskNothing}, Void: {Declined, AskNothing}},
	Voided:   {Charge: {Voided, AskNothing}, LateCharge: {Voided, AskNothing}, Void: {Voided, AskNothing}},
}

// Decide looks up the first half of a command.
func Decide(s State, c Command) Step { return steps[s][c] }

// Settle is the second half: the state after the provider has told an outcome. A charge and a void may be under way at the same
// time; the provider tells both the same. ok is false for what can't be: an outcome that nobody asked for, or another one than
// the provider told before. Then the state stays.
func Settle(s, outcome State) (next State, ok bool) {
	switch {
	case outcome != Captured && outcome != Declined && outcome != Voided:
		return s, false
	case s == Asked, s == outcome:
		return outcome, true
	default:
		return s, false
	}
}

// Answer is what to tell the order service about a payment. A void is answered by captured where it was too late, else by
// voided: also for a declined payment, since no money will be taken. ok is false for a state that isn't final.
func Answer(c Command, p Payment) (answer events.Payload, ok bool) {
	switch {
	case p.State == Captured:
		return events.PaymentCaptured{Order: p.Order, Amount: p.Amount}, true
	case p.State == Voided, p.State == Declined && c == Void:
		return events.PaymentVoided{Order: p.Order}, true
	case p.State == Declined:
		return events.PaymentDeclined{Order: p.Order, Reason: p.Reason}, true
	default:
		return nil, false
	}
}

package payment

import (
	"warren.example/06-services/events"
	"warren.example/06-services/money"
)

// A RefundState is what has become of a refund.
type RefundState string

// The states.
const (
	RefundNone   RefundState = ""         // nobody has asked for it yet
	RefundAsked  RefundState = "asked"    // the provider was asked, or is about to be
	RefundDone   RefundState = "refunded" // the money is given back
	RefundFailed RefundState = "failed"   // it is not, and it may be asked for again
)

// A RefundStep is the first half of payment.refund.
type RefundStep struct {
	Next  RefundState
	Check bool // whether there is enough to give back: if not, it is failed
	Ask   bool // the provider, which gives back once however often it is asked under one key
}

var refundSteps = map[RefundState]RefundStep{
	RefundNone:   {Next: RefundAsked, Check: true, Ask: true},
	RefundAsked:  {Next: RefundAsked, Ask: true}, // checked before; maybe given back already
	RefundFailed: {Next: RefundAsked, Check: true, Ask: true},
	RefundDone:   {Next: RefundDone},
}

// DecideRefund looks up the first half of payment.refund.
func DecideRefund(s RefundState) RefundStep { return refundSteps[s] }

// SettleRefund is the second half: the state after the provider has told an outcome. When the same refund was asked for twice
// at the same time and one of them failed, the money is given back all the same. ok is false for what can't be.
func SettleRefund(s, outcome RefundState) (next RefundState, ok bool) {
	switch {
	case s == RefundNone, outcome != RefundDone && outcome != RefundFailed:
		return s, false
	case s == RefundDone:
		return RefundDone, true
	default:
		return outcome, true
	}
}

// Refusal says why an amount can't be given back, when given is given back already, or asked for. Empty: it can be.
func Refusal(p Payment, given int64, amount money.Money) string {
	switch {
	case p.State != Captured:
		return "not_captured"
	case amount.Currency != p.Amount.Currency:
		return "other_currency"
	case amount.Minor > p.Amount.Minor-given:
		return "more_than_captured"
	default:
		return ""
	}
}

// RefundAnswer is what to tell the order service about a refund. ok is false for a state that isn't final.
func RefundAnswer(r Refund) (answer events.Payload, ok bool) {
	switch r.State {
	case RefundDone:
		return events.PaymentRefunded{Order: r.Order, Refund: r.ID, Amount: r.Amount}, true
	case RefundFailed:
		return events.PaymentRefundFailed{Order: r.Order, Refund: r.ID, Reason: r.Reason}, true
	default:
		return nil, false
	}
}

package events

import "warren.example/06-services/money"

// PaymentCharge asks for the money for an order. There is one payment per order, however often this comes. The answer is
// PaymentCaptured, PaymentDeclined or, after a PaymentVoid, PaymentVoided.
type PaymentCharge struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Amount   money.Money `json:"amount"`
}

// PaymentVoid asks to take no money for an order. It may come before the PaymentCharge, which then does nothing. The answer
// is PaymentVoided, or PaymentCaptured when it was too late.
type PaymentVoid struct {
	Order string `json:"order"`
}

// PaymentRefund asks to give money back. There is one payout per Refund, however often this comes. The answer is
// PaymentRefunded or PaymentRefundFailed.
type PaymentRefund struct {
	Order  string      `json:"order"`
	Refund string      `json:"refund"`
	Amount money.Money `json:"amount"`
}

// PaymentCaptured says that the money for an order is taken.
type PaymentCaptured struct {
	Order  string      `json:"order"`
	Amount money.Money `json:"amount"`
}

// PaymentDeclined says that the money for an order can't be had, and why: "declined" by the provider, "too_late" (the
// command's not-after).
type PaymentDeclined struct {
	Order  string `json:"order"`
	Reason string `json:"reason"`
}

// PaymentVoided says that the money for an order is not taken, and never will be.
type PaymentVoided struct {
	Order string `json:"order"`
}

// PaymentRefunded says that money was given back.
type PaymentRefunded struct {
	Order  string      `json:"order"`
	Refund string      `json:"refund"`
	Amount money.Money `json:"amount"`
}

// PaymentRefundFailed says that money could not be given back, and why. It may be asked for again, under the same Refund.
type PaymentRefundFailed struct {
	Order  string `json:"order"`
	Refund string `json:"refund"`
	Reason string `json:"reason"`
}

func (PaymentCharge) Name() string       { return "payment.charge" }
func (PaymentVoid) Name() string         { return "payment.void" }
func (PaymentRefund) Name() string       { return "payment.refund" }
func (PaymentCaptured) Name() string     { return "payment.captured" }
func (PaymentDeclined) Name() string     { return "payment.declined" }
func (PaymentVoided) Name() string       { return "payment.voided" }
func (PaymentRefunded) Name() string     { return "payment.refunded" }
func (PaymentRefundFailed) Name() string { return "payment.refund-failed" }

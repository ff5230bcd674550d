package events

import "warren.example/06-services/money"

// An Item is a line of an order, at the price it was placed at.
type Item struct {
	SKU      string      `json:"sku"`
	Quantity int         `json:"quantity"`
	Price    money.Money `json:"price"` // of one
}

// OrderPlaced says that somebody wants to buy. The order keeps these prices, whatever becomes of the catalog's.
type OrderPlaced struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Items    []Item      `json:"items"`
	Total    money.Money `json:"total"`
	Priority bool        `json:"priority"`
}

// OrderConfirmed says that goods and money for an order are there.
type OrderConfirmed struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Items    []Item      `json:"items"`
	Total    money.Money `json:"total"`
	Priority bool        `json:"priority"`
}

// OrderCancelled says that an order came to nothing, and why: "out_of_stock", "unknown_product", "payment_declined",
// "no_answer" (a deadline passed) or "customer".
type OrderCancelled struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Reason   string `json:"reason"`
}

// OrderRefunded says that a confirmed order was taken back.
type OrderRefunded struct {
	Order    string      `json:"order"`
	Customer string      `json:"customer"`
	Refund   string      `json:"refund"`
	Amount   money.Money `json:"amount"`
}

func (OrderPlaced) Name() string    { return "order.placed" }
func (OrderConfirmed) Name() string { return "order.confirmed" }
func (OrderCancelled) Name() string { return "order.cancelled" }
func (OrderRefunded) Name() string  { return "order.refunded" }

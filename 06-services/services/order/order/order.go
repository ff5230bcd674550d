// Package order has the rules of an order, and no I/O. An order is what has happened to it: a stream of events, from which
// everything else follows.
package order

import (
	"errors"
	"fmt"
	"math"

	"warren.example/06-services/money"
)

// A Status says how far an order has come.
type Status string

// The statuses. "" is an order that nobody has placed.
const (
	Placed      Status = "placed"       // somebody wants it
	Reserved    Status = "reserved"     // its goods are kept for it
	Confirmed   Status = "confirmed"    // it is paid
	Refunding   Status = "refunding"    // its money is on the way back
	RefundStuck Status = "refund_stuck" // its money should be, and a human must see to it
	Refunded    Status = "refunded"     // its money is back
	Cancelled   Status = "cancelled"    // it came to nothing, see Reason
)

// An Item is a line of an order, at the price it was placed at.
type Item struct {
	SKU      string      `json:"sku"`
	Quantity int         `json:"quantity"`
	Price    money.Money `json:"price"` // of one
}

// An Order is what its events have made of it. Only Apply makes one.
type Order struct {
	ID       string
	Customer string
	Items    []Item
	Total    money.Money
	Priority bool
	Status   Status
	Reason   string // of a cancelled order
	Refund   string // the id of the refund, if money goes back
	Repaid   bool   // of a cancelled order that was charged all the same: the money is back
	Version  int64  // how many events it has
}

// How large an order may be.
const (
	MaxLines    = 50
	MaxQuantity = 1000
)

// ErrInvalid is what the errors wrap of an order that can't be placed.
var ErrInvalid = errors.New("the order won't do")

// check returns the total of an order.
//   - A product comes in one line: two are more likely a slip of the caller than a wish, so they are refused, not added up.
//   - All prices are of one currency, and above zero.
//   - A total that int64 can't hold is refused, and not wrapped around.
func check(items []Item) (money.Money, error) {
	if len(items) == 0 || len(items) > MaxLines {
		return money.Money{}, fmt.Errorf("%w: %d lines, it must have 1 to %d", ErrInvalid, len(items), MaxLines)
	}
	total := money.Of(0, items[0].Price.Currency)
	seen := make(map[string]bool, len(items))
	for _, i := range items {
		switch {
		case i.SKU == "" || seen[i.SKU]:
			return money.Money{}, fmt.Errorf("%w: product %q must be named, and once", ErrInvalid, i.SKU)
		case i.Quantity < 1 || i.Quantity > MaxQuantity:
			return money.Money{}, fmt.Errorf("%w: %d of %q, it must be 1 to %d", ErrInvalid, i.Quantity, i.SKU, MaxQuantity)
		case i.Price.Minor <= 0 || i.Price.Currency == "":
			return money.Money{}, fmt.Errorf("%w: %q has no price", ErrInvalid, i.SKU)
		case i.Price.Currency != total.Currency:
			return money.Money{}, fmt.Errorf("%w: %q costs %s, others %s", ErrInvalid, i.SKU, i.Price.Currency, total.Currency)
		case i.Price.Minor > (math.MaxInt64-total.Minor)/int64(i.Quantity):
			return money.Money{}, fmt.Errorf("%w: the total is too large", ErrInvalid)
		}
		seen[i.SKU] = true
		total.Minor += i.Price.Minor * int64(i.Quantity)
	}
	return total, nil
}

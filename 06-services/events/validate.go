package events

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"warren.example/06-services/money"
)

// What a payload can't do without is said here and in its JSON Schema (schemas/); a test holds them together. Decode refuses
// what lacks it. It is no place for rules of business: a reason that nobody has heard of may come from a newer sender.

// Validate says what is missing: the order, or one line at least with a product and a quantity.
func (p StockReserve) Validate() error { return cmp.Or(id("order", p.Order), lines(p.Lines)) }

// Validate says if the order is missing.
func (p StockRelease) Validate() error { return id("order", p.Order) }

// Validate says if the order is missing.
func (p StockCommit) Validate() error { return id("order", p.Order) }

// Validate says if order or refund are missing.
func (p StockReturn) Validate() error { return cmp.Or(id("order", p.Order), id("refund", p.Refund)) }

// Validate says if the order is missing.
func (p StockReserved) Validate() error { return id("order", p.Order) }

// Validate says if order or reason are missing, or a quantity is below 0.
func (p StockRejected) Validate() error {
	return cmp.Or(id("order", p.Order), id("reason", p.Reason),
		atLeast(0, "wanted", p.Wanted), atLeast(0, "available", p.Available))
}

// Validate says if the order is missing.
func (p StockReleased) Validate() error { return id("order", p.Order) }

// Validate says if the order is missing.
func (p StockCommitted) Validate() error { return id("order", p.Order) }

// Validate says if order or refund are missing.
func (p StockReturned) Validate() error { return cmp.Or(id("order", p.Order), id("refund", p.Refund)) }

// Validate says if the product is missing, or there are less than none.
func (p StockLevel) Validate() error {
	return cmp.Or(id("sku", p.SKU), atLeast(0, "available", p.Available))
}

// Validate says if order or customer are missing, or the amount won't do.
func (p PaymentCharge) Validate() error {
	return cmp.Or(id("order", p.Order), id("customer", p.Customer), amount("amount", p.Amount))
}

// Validate says if the order is missing.
func (p PaymentVoid) Validate() error { return id("order", p.Order) }

// Validate says if order or refund are missing, or the amount won't do.
func (p PaymentRefund) Validate() error {
	return cmp.Or(id("order", p.Order), id("refund", p.Refund), amount("amount", p.Amount))
}

// Validate says if the order is missing, or the amount won't do.
func (p PaymentCaptured) Validate() error {
	return cmp.Or(id("order", p.Order), amount("amount", p.Amount))
}

// Validate says if order or reason are missing.
func (p PaymentDeclined) Validate() error {
	return cmp.Or(id("order", p.Order), id("reason", p.Reason))
}

// Validate says if the order is missing.
func (p PaymentVoided) Validate() error { return id("order", p.Order) }

// Validate says if order or refund are missing, or the amount won't do.
func (p PaymentRefunded) Validate() error {
	return cmp.Or(id("order", p.Order), id("refund", p.Refund), amount("amount", p.Amount))
}

// Validate says if order, refund or reason are missing.
func (p PaymentRefundFailed) Validate() error {
	return cmp.Or(id("order", p.Order), id("refund", p.Refund), id("reason", p.Reason))
}

// Validate says what is missing: order, customer, one item at least with product, quantity and price; or if the total won't do.
func (p OrderPlaced) Validate() error {
	return cmp.Or(id("order", p.Order), id("customer", p.Customer), items(p.Items), amount("total", p.Total))
}

// Validate is OrderPlaced's.
func (p OrderConfirmed) Validate() error { return OrderPlaced(p).Validate() }

// Validate says if order, customer or reason are missing.
func (p OrderCancelled) Validate() error {
	return cmp.Or(id("order", p.Order), id("customer", p.Customer), id("reason", p.Reason))
}

// Validate says if order, customer or refund are missing, or the amount won't do.
func (p OrderRefunded) Validate() error {
	return cmp.Or(id("order", p.Order), id("customer", p.Customer), id("refund", p.Refund), amount("amount", p.Amount))
}

// Validate says if user, name or address are missing.
func (p UserSignup) Validate() error {
	return cmp.Or(id("user", p.User), id("name", p.FullName), id("email", p.Email))
}

// Validate says if the user is missing.
func (p UserLogin) Validate() error { return id("user", p.User) }

// Validate says if user or order are missing, or the total won't do.
func (p UserPurchase) Validate() error {
	return cmp.Or(id("user", p.User), id("order", p.Order), amount("total", p.Total))
}

// Validate says if the product is missing, or if it is sold and its price won't do.
func (p ProductPriceChanged) Validate() error {
	if p.Deleted {
		return id("sku", p.SKU)
	}
	return cmp.Or(id("sku", p.SKU), amount("price", p.Price))
}

// Validate says if user, about or channel are missing.
func (p NotificationSent) Validate() error {
	return cmp.Or(id("user", p.User), id("about", p.About), id("channel", p.Channel))
}

// Validate says if product or text are missing.
func (p NewsRecall) Validate() error { return cmp.Or(id("sku", p.SKU), id("text", p.Text)) }

// Validate says if category or text are missing.
func (p NewsOffer) Validate() error { return cmp.Or(id("category", p.Category), id("text", p.Text)) }

// Validate says what is missing: the order, or one line at least with a product and a quantity.
func (p ParcelPick) Validate() error { return cmp.Or(id("order", p.Order), lines(p.Lines)) }

// Validate is ParcelPick's.
func (p ParcelPickFirst) Validate() error { return ParcelPick(p).Validate() }

// Validate says if order or status are missing, or the number is below 1.
func (p ParcelMoved) Validate() error {
	return cmp.Or(id("order", p.Order), atLeast(1, "number", p.Number), id("status", p.Status))
}

func id(field, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", field)
	}
	return nil
}

func atLeast(least int, field string, n int) error {
	if n < least {
		return fmt.Errorf("%s is %d, less than %d", field, n, least)
	}
	return nil
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// amount wants a currency of three capital letters, and no less than nothing.
func amount(field string, m money.Money) error {
	if !currency.MatchString(m.Currency) {
		return fmt.Errorf("the currency of %s is no code of ISO 4217", field)
	}
	if m.Minor < 0 {
		return fmt.Errorf("%s is %s, less than nothing", field, m)
	}
	return nil
}

func lines(lines []Line) error {
	for _, l := range lines {
		if err := cmp.Or(id("a line's sku", l.SKU), atLeast(1, "a line's quantity", l.Quantity)); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		return errors.New("there are no lines")
	}
	return nil
}

func items(items []Item) error {
	for _, i := range items {
		err := cmp.Or(id("an item's sku", i.SKU), atLeast(1, "an item's quantity", i.Quantity), amount("an item's price", i.Price))
		if err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return errors.New("there are no items")
	}
	return nil
}

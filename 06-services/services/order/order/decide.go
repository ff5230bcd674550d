package order

import (
	"errors"
	"fmt"
)

// A Command is something that is wanted of an order. Decide says yes or no.
type Command interface{ command() }

// The commands.
type (
	// Place makes a new order.
	Place struct {
		ID, Customer string
		Items        []Item
		Priority     bool
	}
	Reserve   struct{}                // its goods are kept
	Confirm   struct{}                // its money is there
	Cancel    struct{ Reason string } // it comes to nothing
	AskRefund struct{ Refund string } // take a confirmed order back
	GetStuck  struct{}                // its money can't be given back
	Resume    struct{}                // try that again
	Refund    struct{}                // its money was given back
	// Overcharge says that money was taken though the order comes to nothing.
	Overcharge struct{ Refund string }
	Repay      struct{} // and that it was given back
)

func (Place) command()      {}
func (Reserve) command()    {}
func (Confirm) command()    {}
func (Cancel) command()     {}
func (AskRefund) command()  {}
func (GetStuck) command()   {}
func (Resume) command()     {}
func (Refund) command()     {}
func (Overcharge) command() {}
func (Repay) command()      {}

// ErrForbidden is what the errors wrap of a command that an order's status forbids.
var ErrForbidden = errors.New("the order's status forbids it")

// Decide returns the events that a command leads to, or an error that wraps ErrForbidden or ErrInvalid. It changes nothing.
func Decide(o Order, c Command) ([]Event, error) {
	if p, ok := c.(Place); ok {
		return place(o, p)
	}
	switch c := c.(type) {
	case Reserve:
		return when(o, WasReserved{}, Placed)
	case Confirm:
		if o.Refund == "" { // else its money is on the way back
			return when(o, WasConfirmed{}, Reserved)
		}
	case Cancel:
		return when(o, WasCancelled(c), Placed, Reserved)
	case AskRefund:
		return when(o, RefundWasAsked(c), Confirmed)
	case GetStuck:
		return when(o, RefundGotStuck{}, Refunding)
	case Resume:
		return when(o, RefundWasResumed{}, RefundStuck)
	case Refund:
		return when(o, WasRefunded{}, Refunding, RefundStuck)
	case Overcharge:
		if o.Refund == "" {
			return when(o, WasOvercharged(c), Placed, Reserved, Cancelled)
		}
	case Repay:
		if o.Refund != "" && !o.Repaid {
			return when(o, WasRepaid{}, Placed, Reserved, Cancelled)
		}
	}
	return nil, fmt.Errorf("%w: %T of an order that is %q", ErrForbidden, c, o.Status)
}

func when(o Order, e Event, statuses ...Status) ([]Event, error) {
	for _, s := range statuses {
		if o.Status == s {
			return []Event{e}, nil
		}
	}
	return nil, fmt.Errorf("%w: %s, after %q", ErrForbidden, e.Name(), o.Status)
}

func place(o Order, p Place) ([]Event, error) {
	if o.Status != "" {
		return nil, fmt.Errorf("%w: it is placed already", ErrForbidden)
	}
	if p.ID == "" || p.Customer == "" {
		return nil, fmt.Errorf("%w: it has no id or no customer", ErrInvalid)
	}
	total, err := check(p.Items)
	if err != nil {
		return nil, err
	}
	return []Event{WasPlaced{Order: p.ID, Customer: p.Customer, Items: p.Items, Total: total, Priority: p.Priority}}, nil
}

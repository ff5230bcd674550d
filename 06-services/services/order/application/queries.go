package application

import (
	"context"

	"warren.example/06-services/auth"
	"warren.example/06-services/services/order/order"
)

// Order returns an order and its stream. It is ErrNotFound for who is neither its customer nor an administrator: that an order
// exists is nobody else's business.
func (a *Orders) Order(ctx context.Context, who auth.Customer, id string) (order.Order, []Fact, error) {
	facts, err := a.Store.Events(ctx, a.DB, id)
	if err != nil {
		return order.Order{}, nil, err
	}
	o := replay(facts)
	if !mayRead(who, o) {
		return order.Order{}, nil, ErrNotFound
	}
	return o, facts, nil
}

// List returns the orders of a customer, the newest first.
func (a *Orders) List(ctx context.Context, customer, after string, limit int) ([]Line, error) {
	return a.Store.List(ctx, a.DB, customer, after, limit)
}

// Sagas returns the sagas that haven't ended, or only those that somebody should look at.
func (a *Orders) Sagas(ctx context.Context, overdue bool, after string, limit int) ([]Saga, error) {
	return a.Store.Sagas(ctx, a.DB, overdue, after, limit)
}

func mayRead(who auth.Customer, o order.Order) bool {
	return o.Status != "" && (who.Admin || who.ID == o.Customer)
}

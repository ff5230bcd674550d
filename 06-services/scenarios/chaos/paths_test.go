package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A path is a way that an order can take. The price, in cents, decides what the payment provider does.
type path struct {
	name  string
	cents int
	stock int
	first bool // picked before others
	wish  string
	// ends are how an order may end here. As services die, an answer may come too late: then it is cancelled.
	ends []string
}

const stocked = 10

var paths = []path{
	{name: "happy", cents: 1000, stock: stocked, ends: []string{"confirmed", "cancelled"}},
	{name: "first", cents: 2000, stock: stocked, first: true, ends: []string{"confirmed", "cancelled"}},
	{name: "none-left", cents: 1000, stock: 0, ends: []string{"cancelled"}},
	{name: "last-one", cents: 1500, stock: 1, ends: []string{"confirmed", "cancelled"}},
	{name: "declined", cents: 1013, stock: stocked, ends: []string{"cancelled"}},
	{name: "never-answers", cents: 1077, stock: stocked, ends: []string{"cancelled"}},
	{name: "reply-lost", cents: 1099, stock: stocked, ends: []string{"confirmed", "cancelled"}},
	{name: "cancel", cents: 1177, stock: stocked, wish: "cancel", ends: []string{"cancelled"}},
	{name: "cancel-fast", cents: 1000, stock: stocked, wish: "cancel", ends: []string{"cancelled", "refunded"}},
	{name: "refund", cents: 1000, stock: stocked, wish: "refund", ends: []string{"refunded", "cancelled"}},
	{name: "refund-fails", cents: 1066, stock: stocked, wish: "refund", ends: []string{"refunded", "cancelled"}},
}

// A sale is an order that was accepted.
type sale struct {
	customer string
	path     path
	run      int
	status   string // in the end
}

// wave places an order of each path at once, by a new customer, and waits until all have ended.
func (h *house) wave(ctx context.Context) error {
	h.runs++
	admin, err := h.admin(ctx)
	if err != nil {
		return err
	}
	customer, err := h.register(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, p := range paths {
		all.Go(func() {
			sku := fmt.Sprintf("%s-%d", p.name, h.runs)
			err := admin.supply(ctx, sku, p)
			var id, status string
			if err == nil {
				id, status, err = customer.follow(ctx, sku, p)
			}
			mu.Lock()
			defer mu.Unlock()
			h.stocked[sku] = p.stock
			if id != "" {
				h.sold[id] = sale{customer: customer.id, path: p, run: h.runs, status: status}
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", p.name, id, err))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// supply puts a product on sale.
func (p *person) supply(ctx context.Context, sku string, way path) error {
	product := map[string]any{"title": "A thing", "category": "things",
		"price": map[string]any{"minor": way.cents, "currency": "EUR"}}
	_, err := p.ask(ctx, "PUT", "/products/"+sku, product, nil, "", http.StatusOK, http.StatusCreated)
	if err == nil {
		_, err = p.ask(ctx, "PUT", "/stock/"+sku, map[string]int{"available": way.stock}, nil, "", http.StatusOK)
	}
	return err
}

// follow places an order, wishes what the path is about, and waits until the order has ended.
func (p *person) follow(ctx context.Context, sku string, way path) (id, status string, err error) {
	var o struct{ ID, Status, Reason string }
	wanted := map[string]any{"items": []any{map[string]any{"sku": sku, "quantity": 1}}, "priority": way.first}
	if _, err := p.ask(ctx, "POST", "/orders", wanted, &o, sku, http.StatusAccepted); err != nil {
		return "", "", err
	}
	id = o.ID
	if way.wish == "cancel" {
		if err := p.wish(ctx, id, "cancel"); err != nil {
			return id, "", err
		}
	}
	refunded := false
	waited := await(ctx, 100*time.Millisecond, func() bool {
		if _, err = p.ask(ctx, "GET", "/orders/"+id, nil, &o, "", http.StatusOK); err != nil {
			return true
		}
		switch {
		case o.Status == "confirmed" && way.wish == "refund" && !refunded:
			refunded = true
			err = p.wish(ctx, id, "refund")
			return err != nil
		case o.Status == "confirmed" && !slices.Contains(way.ends, "confirmed"):
			return false // it goes on
		}
		return slices.Contains([]string{"confirmed", "cancelled", "refunded", "refund_stuck"}, o.Status)
	})
	if err = errors.Join(err, waited); err != nil {
		return id, o.Status, fmt.Errorf("it is %s: %w", o.Status, err)
	}
	if !slices.Contains(way.ends, o.Status) {
		return id, o.Status, fmt.Errorf("it ends %s (%s)", o.Status, o.Reason)
	}
	return id, o.Status, nil
}

// wish asks to cancel or to refund. An order that has ended meanwhile refuses.
func (p *person) wish(ctx context.Context, id, what string) error {
	_, err := p.ask(ctx, "POST", "/orders/"+id+"/"+what, nil, nil, "", http.StatusAccepted, http.StatusConflict)
	return err
}

package application

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"warren.example/06-services/outbox"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
)

// A Request is what a customer wants to buy.
type Request struct {
	Items    []Wanted
	Priority bool
}

// Wanted is so many of a product.
type Wanted struct {
	SKU      string
	Quantity int
}

// An Answer is what the customer hears of a new order.
type Answer struct {
	ID     string       `json:"id"`
	Status order.Status `json:"status"`
}

// What may be wrong with a request, besides order.ErrInvalid and ErrNoPrices.
var (
	ErrKeyReused = errors.New("this idempotency key was used for another request")
	ErrBusy      = errors.New("too many messages wait to be sent")
)

// An UnknownProducts error says which products aren't sold.
type UnknownProducts struct{ SKUs []string }

func (u *UnknownProducts) Error() string { return "not sold: " + strings.Join(u.SKUs, ", ") }

// Place places an order, once for each key of a customer. A key that comes again with the same request has the same answer,
// whatever has become of the order, and also while no new orders are taken; with another request it is ErrKeyReused. A request
// that fails leaves its key unused.
func (a *Orders) Place(ctx context.Context, customer, key string, r Request) (Answer, error) {
	hash, err := hashOf(r)
	if err != nil {
		return Answer{}, err
	}
	if answer, known, err := a.answered(ctx, customer, key, hash); known || err != nil {
		return answer, err
	}
	if err := a.ready(ctx); err != nil {
		return Answer{}, err
	}
	priced, err := a.price(ctx, r.Items)
	if err != nil {
		return Answer{}, err
	}
	id, err := uuid.NewV7() // orders by time, so that lists do too
	if err != nil {
		return Answer{}, fmt.Errorf("make an order's id: %w", err)
	}
	wish := order.Place{ID: id.String(), Customer: customer, Items: priced, Priority: r.Priority}
	happened, err := order.Decide(order.Order{}, wish)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{ID: id.String(), Status: order.Placed}
	text, err := json.Marshal(answer)
	if err != nil {
		return Answer{}, fmt.Errorf("write the answer for order %s: %w", id, err)
	}
	kept := false
	err = a.do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		var err error
		kept, err = a.Store.Keep(ctx, tx,
			Key{Customer: customer, Key: key, Request: hash, Order: answer.ID, Answer: string(text), At: a.Now()})
		if err != nil || !kept {
			return err
		}
		o, err := a.record(ctx, tx, order.Order{}, happened, "")
		if err != nil {
			return err
		}
		return a.carryOut(ctx, tx, o, Saga{Key: o.ID, Order: o.ID}, saga.Begin(saga.Reserving, a.Limits), "")
	})
	if err != nil {
		return Answer{}, err
	}
	if !kept { // the same request, at the same time
		answer, _, err = a.answered(ctx, customer, key, hash)
		return answer, err
	}
	a.Log.InfoContext(ctx, "order placed", "order", answer.ID)
	return answer, nil
}

// answered returns the answer that a key has had.
func (a *Orders) answered(ctx context.Context, customer, key, hash string) (answer Answer, known bool, err error) {
	k, ok, err := a.Store.Key(ctx, a.DB, customer, key)
	if err != nil || !ok {
		return Answer{}, false, err
	}
	if k.Request != hash {
		return Answer{}, true, ErrKeyReused
	}
	if err := json.Unmarshal([]byte(k.Answer), &answer); err != nil {
		return Answer{}, true, fmt.Errorf("read the answer for order %s: %w", k.Order, err)
	}
	return answer, true, nil
}

// ready returns ErrBusy while messages wait too long to be sent: more orders would only wait with them.
func (a *Orders) ready(ctx context.Context) error {
	oldest, ok, err := a.Box.Oldest(ctx)
	if err != nil {
		return err
	}
	if ok && a.Now().Sub(oldest) > a.OutboxAge {
		return ErrBusy
	}
	return nil
}

// price adds the prices, which the order keeps from now on.
func (a *Orders) price(ctx context.Context, wanted []Wanted) ([]order.Item, error) {
	skus := make([]string, len(wanted))
	for i, w := range wanted {
		skus[i] = w.SKU
	}
	prices, err := a.Prices(ctx, skus)
	if err != nil {
		return nil, err
	}
	items := make([]order.Item, len(wanted))
	var unknown []string
	for i, w := range wanted {
		price, ok := prices[w.SKU]
		if !ok {
			unknown = append(unknown, w.SKU)
		}
		items[i] = order.Item{SKU: w.SKU, Quantity: w.Quantity, Price: price}
	}
	if unknown != nil {
		return nil, &UnknownProducts{SKUs: unknown}
	}
	return items, nil
}

// hashOf returns what tells requests apart: what they say, however that was written.
func hashOf(r Request) (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write the request: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

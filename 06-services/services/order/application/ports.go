// Package application has what can be done with orders: each use case is a file, and each is one transaction. It decides
// nothing itself, packages order and saga do, and it knows neither SQL nor HTTP: what it needs of the world are its ports,
// which package infrastructure fills.
package application

import (
	"context"
	"errors"
	"time"

	"warren.example/06-services/money"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/services/order/saga"
	"warren.example/06-services/store"
)

// Prices returns what products cost, without those that aren't sold. Its error wraps ErrNoPrices when asking later may help.
type Prices func(ctx context.Context, skus []string) (map[string]money.Money, error)

// ErrNoPrices says that nobody knows the prices at the moment.
var ErrNoPrices = errors.New("the catalog doesn't answer")

// ErrConflict is what the errors of a Store wrap when somebody else has changed the same order or saga meanwhile. All of the
// transaction is to be done again.
var ErrConflict = errors.New("somebody else was faster")

// A Store keeps orders, sagas and keys. Its methods work within q: a transaction, or the database for reads.
type Store interface {
	// Events returns the stream of an order, oldest first. There is none for an unknown order.
	Events(ctx context.Context, q store.Querier, order string) ([]Fact, error)
	// Append adds the newest facts of an order to its stream, and brings its line in the view up to date. It returns an
	// ErrConflict if the stream has other facts of these versions.
	Append(ctx context.Context, q store.Querier, o order.Order, facts []Fact) error
	// List returns a customer's orders, the newest first, from the one after on; after may be empty.
	List(ctx context.Context, q store.Querier, customer, after string, limit int) ([]Line, error)

	// Saga returns a saga; ok is false if there is none of this key.
	Saga(ctx context.Context, q store.Querier, key string) (row Saga, ok bool, err error)
	// Save stores a saga. Version is the one that was read: 0 for a new one. It returns an ErrConflict if that has changed.
	Save(ctx context.Context, q store.Querier, row Saga) error
	// Due returns the keys of sagas whose deadline has passed, the oldest first.
	Due(ctx context.Context, q store.Querier, now time.Time, limit int) ([]string, error)
	// Sagas returns the sagas that haven't ended, or only the overdue ones, by key, from the one after on.
	Sagas(ctx context.Context, q store.Querier, overdue bool, after string, limit int) ([]Saga, error)

	// Key returns what was kept for an idempotency key of a customer.
	Key(ctx context.Context, q store.Querier, customer, key string) (k Key, ok bool, err error)
	// Keep keeps a key, or returns false if there is one already. If somebody else is about to keep it, Keep waits for him.
	Keep(ctx context.Context, q store.Querier, k Key) (bool, error)
}

// A Fact is an event of an order, as it is stored.
type Fact struct {
	Version int64
	At      time.Time
	Event   order.Event
}

// A Line is an order in a list.
type Line struct {
	ID, Customer string
	Status       order.Status
	Reason       string
	Total        money.Money
	At           time.Time // when it was placed
}

// A Saga is a saga of package saga, as it is stored.
type Saga struct {
	Key   string // the order's id for its sale, the refund's for a refund or repayment
	Order string
	saga.Saga
	Asked    string    // the message id of the command under way
	Deadline time.Time // zero: none
	Version  int64
}

// A Key is an idempotency key that a customer has used, with what was asked and answered.
type Key struct {
	Customer, Key string
	Request       string // its hash
	Order         string
	Answer        string // JSON
	At            time.Time
}

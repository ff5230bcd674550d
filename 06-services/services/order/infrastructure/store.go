// Package infrastructure connects the application to the world: to the database, to HTTP and to the catalog.
package infrastructure

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"warren.example/06-services/money"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/services/order/order"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations make the tables of the order service.
var Migrations = store.Migrations{Name: "order", FS: migrations}

// Store is the application's store, in SQL. It has no state.
type Store struct{}

// Events implements application.Store.
func (Store) Events(ctx context.Context, q store.Querier, id string) ([]application.Fact, error) {
	rows, err := q.QueryContext(ctx, "SELECT version, type, body, at FROM order_events WHERE order_id = $1 ORDER BY version", id)
	if err != nil {
		return nil, fmt.Errorf("events of order %s: %w", id, err)
	}
	defer rows.Close()
	var facts []application.Fact
	for rows.Next() {
		var f application.Fact
		var name, body string
		var at int64
		if err := rows.Scan(&f.Version, &name, &body, &at); err != nil {
			return nil, fmt.Errorf("events of order %s: %w", id, err)
		}
		if f.Event, err = order.Decode(name, []byte(body)); err != nil {
			return nil, fmt.Errorf("order %s, version %d: %w", id, f.Version, err)
		}
		f.At = time.UnixMilli(at)
		facts = append(facts, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("events of order %s: %w", id, err)
	}
	return facts, nil
}

// Append implements application.Store.
func (Store) Append(ctx context.Context, q store.Querier, o order.Order, facts []application.Fact) error {
	for _, f := range facts {
		body, err := order.Encode(f.Event)
		if err != nil {
			return fmt.Errorf("order %s: write event %q: %w", o.ID, f.Event.Name(), err)
		}
		done, err := q.ExecContext(ctx, "INSERT INTO order_events (order_id, version, type, body, at) VALUES ($1, $2, $3, $4, $5) "+
			"ON CONFLICT DO NOTHING", o.ID, f.Version, f.Event.Name(), string(body), f.At.UnixMilli())
		if err := one(done, err); err != nil {
			return fmt.Errorf("order %s, version %d: %w", o.ID, f.Version, err)
		}
	}
	return view(ctx, q, o, facts)
}

// view brings an order's line up to date. Facts are its newest; the first one of all has the time that the line keeps.
func view(ctx context.Context, q store.Querier, o order.Order, facts []application.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, "INSERT INTO orders_view (id, customer, status, reason, minor, currency, at) "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = excluded.reason",
		o.ID, o.Customer, string(o.Status), o.Reason, o.Total.Minor, o.Total.Currency, facts[0].At.UnixMilli())
	if err != nil {
		return fmt.Errorf("view of order %s: %w", o.ID, err)
	}
	return nil
}

// List implements application.Store. Ids are UUIDs of version 7, which grow with time.
func (Store) List(ctx context.Context, q store.Querier, customer, after string, limit int) ([]application.Line, error) {
	where := "customer = $1 AND id < $2"
	if after == "" {
		where = "customer = $1 AND id <> $2"
	}
	rows, err := q.QueryContext(ctx, "SELECT id, customer, status, reason, minor, currency, at FROM orders_view WHERE "+where+
		" ORDER BY id DESC LIMIT $3", customer, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	var lines []application.Line
	for rows.Next() {
		var l application.Line
		var minor, at int64
		var currency string
		if err := rows.Scan(&l.ID, &l.Customer, &l.Status, &l.Reason, &minor, &currency, &at); err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		l.Total, l.At = money.Of(minor, currency), time.UnixMilli(at)
		lines = append(lines, l)
	}
	return lines, rows.Err()
}

// Rebuild makes the view anew, of the streams, and returns how many orders it has.
func (s Store) Rebuild(ctx context.Context, q store.Querier) (int, error) {
	if _, err := q.ExecContext(ctx, "DELETE FROM orders_view"); err != nil {
		return 0, fmt.Errorf("empty the view: %w", err)
	}
	ids, err := texts(q.QueryContext(ctx, "SELECT order_id FROM order_events WHERE version = 1 ORDER BY order_id"))
	if err != nil {
		return 0, fmt.Errorf("list the streams: %w", err)
	}
	for _, id := range ids {
		facts, err := s.Events(ctx, q, id)
		if err != nil {
			return 0, err
		}
		var o order.Order
		for _, f := range facts {
			o = o.Apply(f.Event)
		}
		if err := view(ctx, q, o, facts); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// Key implements application.Store.
func (Store) Key(ctx context.Context, q store.Querier, customer, key string) (k application.Key, ok bool, err error) {
	k = application.Key{Customer: customer, Key: key}
	var at int64
	err = q.QueryRowContext(ctx, "SELECT request, order_id, answer, at FROM idempotency_keys WHERE customer = $1 AND key = $2",
		customer, key).Scan(&k.Request, &k.Order, &k.Answer, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return application.Key{}, false, nil
	case err != nil:
		return application.Key{}, false, fmt.Errorf("look for an idempotency key: %w", err)
	}
	k.At = time.UnixMilli(at)
	return k, true, nil
}

// Keep implements application.Store.
func (Store) Keep(ctx context.Context, q store.Querier, k application.Key) (bool, error) {
	done, err := q.ExecContext(ctx, "INSERT INTO idempotency_keys (customer, key, request, order_id, answer, at) "+
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", k.Customer, k.Key, k.Request, k.Order, k.Answer, k.At.UnixMilli())
	err = one(done, err)
	if errors.Is(err, application.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep an idempotency key: %w", err)
	}
	return true, nil
}

// one returns ErrConflict unless a statement has changed one row.
func one(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != 1 {
		err = application.ErrConflict
	}
	return err
}

// texts reads rows of one text each.
func texts(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

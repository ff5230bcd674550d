package inventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"warren.example/06-services/events"
	"warren.example/06-services/store"
)

// A Level is the stock of one product.
type Level struct {
	SKU       string `json:"sku"`
	Available int    `json:"available"`
	Reserved  int    `json:"reserved"`
	Version   int64  `json:"version"`
}

// lock returns the reservation of an order, and makes one in state None if there is none. Until the transaction ends nobody
// else gets it: PostgreSQL locks the row for the update that changes nothing, and lets the others wait. SQLite has one writer.
func lock(ctx context.Context, tx store.Querier, order string) (Reservation, error) {
	r := Reservation{Order: order}
	var lines, rejection string
	err := tx.QueryRowContext(ctx, `INSERT INTO reservations (order_id, state, lines, rejection) VALUES ($1, '', 'null', '{}')
		ON CONFLICT (order_id) DO UPDATE SET state = reservations.state
		RETURNING state, lines, rejection`, order).Scan(&r.State, &lines, &rejection)
	if err == nil {
		err = errors.Join(json.Unmarshal([]byte(lines), &r.Lines), json.Unmarshal([]byte(rejection), &r.Rejection))
	}
	if err != nil {
		return r, fmt.Errorf("lock the reservation of order %s: %w", order, err)
	}
	return r, nil
}

// save stores a reservation that lock has returned.
func save(ctx context.Context, tx store.Querier, r Reservation) error {
	lines, err := json.Marshal(r.Lines)
	if err != nil {
		return fmt.Errorf("write the lines of order %s: %w", r.Order, err)
	}
	rejection, err := json.Marshal(r.Rejection)
	if err != nil {
		return fmt.Errorf("write the rejection of order %s: %w", r.Order, err)
	}
	_, err = tx.ExecContext(ctx, "UPDATE reservations SET state = $2, lines = $3, rejection = $4 WHERE order_id = $1",
		r.Order, r.State, string(lines), string(rejection))
	if err != nil {
		return fmt.Errorf("save the reservation of order %s: %w", r.Order, err)
	}
	return nil
}

// move moves the pieces of one line and returns the level after it. enough is false, and nothing changes, if there are fewer of
// the product than it takes: the question and the change are one statement, so two orders never get the same piece.
func move(ctx context.Context, tx store.Querier, l events.Line, m Move) (after Level, enough bool, err error) {
	changes := 0
	if m.Available != 0 {
		changes = 1
	}
	after.SKU = l.SKU
	err = tx.QueryRowContext(ctx, `UPDATE stock SET available = available + $2, reserved = reserved + $3, sold = sold + $4,
		version = version + $5 WHERE sku = $1 AND available + $2 >= 0 RETURNING available, reserved, version`,
		l.SKU, m.Available*l.Quantity, m.Reserved*l.Quantity, m.Sold*l.Quantity, changes,
	).Scan(&after.Available, &after.Reserved, &after.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return after, false, nil
	}
	if err != nil {
		return after, false, fmt.Errorf("move %d of %s: %w", l.Quantity, l.SKU, err)
	}
	return after, true, nil
}

// put sets how many of a product can be ordered, whatever is reserved and sold.
func put(ctx context.Context, tx store.Querier, sku string, available int) (Level, error) {
	after := Level{SKU: sku}
	err := tx.QueryRowContext(ctx, `INSERT INTO stock (sku, available, reserved, sold, supplied, version)
		VALUES ($1, $2, 0, 0, $2, 1)
		ON CONFLICT (sku) DO UPDATE SET available = excluded.available, version = stock.version + 1,
		supplied = stock.supplied - stock.available + excluded.available
		RETURNING available, reserved, version`, sku, available).Scan(&after.Available, &after.Reserved, &after.Version)
	if err != nil {
		return after, fmt.Errorf("put %d of %s: %w", available, sku, err)
	}
	return after, nil
}

// levels returns what is known of products. Unknown ones are left out.
func levels(ctx context.Context, db store.Querier, skus []string) ([]Level, error) {
	if len(skus) == 0 {
		return nil, nil
	}
	args, places := make([]any, len(skus)), make([]string, len(skus))
	for i, sku := range skus {
		args[i], places[i] = sku, "$"+strconv.Itoa(i+1)
	}
	rows, err := db.QueryContext(ctx, "SELECT sku, available, reserved, version FROM stock WHERE sku IN ("+
		strings.Join(places, ", ")+") ORDER BY sku", args...)
	if err != nil {
		return nil, fmt.Errorf("look up %d products: %w", len(skus), err)
	}
	defer rows.Close()
	var found []Level
	for rows.Next() {
		var l Level
		if err := rows.Scan(&l.SKU, &l.Available, &l.Reserved, &l.Version); err != nil {
			return nil, fmt.Errorf("read a level: %w", err)
		}
		found = append(found, l)
	}
	return found, rows.Err()
}

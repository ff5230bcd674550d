package payment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"warren.example/06-services/money"
	"warren.example/06-services/store"
)

// A Payment is what the service knows of the payment for an order. There is one per order.
type Payment struct {
	Order  string      `json:"order"`
	State  State       `json:"state"`
	Reason string      `json:"reason,omitempty"` // of a declined one
	Amount money.Money `json:"amount"`
}

// A Refund is what the service knows of one refund.
type Refund struct {
	ID     string      `json:"refund"`
	Order  string      `json:"-"`
	State  RefundState `json:"state"`
	Reason string      `json:"reason,omitempty"` // of a failed one
	Amount money.Money `json:"amount"`
}

// lock returns the payment for an order, and makes one in state None if there is none. Until the transaction ends nobody else
// gets it: an update locks the row, also one that changes nothing.
func lock(ctx context.Context, tx store.Querier, order string) (Payment, error) {
	p := Payment{Order: order}
	err := tx.QueryRowContext(ctx, `INSERT INTO payments (order_id, state, reason, minor, currency) VALUES ($1, '', '', 0, '')
		ON CONFLICT (order_id) DO UPDATE SET state = payments.state
		RETURNING state, reason, minor, currency`, order).Scan(&p.State, &p.Reason, &p.Amount.Minor, &p.Amount.Currency)
	if err != nil {
		return p, fmt.Errorf("lock the payment for order %s: %w", order, err)
	}
	return p, nil
}

// lockIfAny is lock, but makes none: what it returns then is in state None.
func lockIfAny(ctx context.Context, tx store.Querier, order string) (Payment, error) {
	p := Payment{Order: order}
	err := tx.QueryRowContext(ctx, `UPDATE payments SET state = state WHERE order_id = $1
		RETURNING state, reason, minor, currency`, order).Scan(&p.State, &p.Reason, &p.Amount.Minor, &p.Amount.Currency)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("lock the payment for order %s: %w", order, err)
	}
	return p, nil
}

// save stores a payment that lock has returned.
func save(ctx context.Context, tx store.Querier, p Payment) error {
	_, err := tx.ExecContext(ctx, "UPDATE payments SET state = $2, reason = $3, minor = $4, currency = $5 WHERE order_id = $1",
		p.Order, p.State, p.Reason, p.Amount.Minor, p.Amount.Currency)
	if err != nil {
		return fmt.Errorf("save the payment for order %s: %w", p.Order, err)
	}
	return nil
}

// lockRefund returns a refund, and makes one in state RefundNone if there is none. What is there keeps its order and amount.
func lockRefund(ctx context.Context, tx store.Querier, id, order string, amount money.Money) (Refund, error) {
	r := Refund{ID: id}
	err := tx.QueryRowContext(ctx, `INSERT INTO refunds (refund_id, order_id, state, reason, minor, currency)
		VALUES ($1, $2, '', '', $3, $4)
		ON CONFLICT (refund_id) DO UPDATE SET state = refunds.state
		RETURNING order_id, state, reason, minor, currency`, id, order, amount.Minor, amount.Currency).
		Scan(&r.Order, &r.State, &r.Reason, &r.Amount.Minor, &r.Amount.Currency)
	if err != nil {
		return r, fmt.Errorf("lock refund %s: %w", id, err)
	}
	return r, nil
}

// saveRefund stores a refund that lockRefund has returned.
func saveRefund(ctx context.Context, tx store.Querier, r Refund) error {
	_, err := tx.ExecContext(ctx, "UPDATE refunds SET state = $2, reason = $3 WHERE refund_id = $1", r.ID, r.State, r.Reason)
	if err != nil {
		return fmt.Errorf("save refund %s: %w", r.ID, err)
	}
	return nil
}

// given returns how much of an order's money is given back or asked for, one refund left aside. Whoever decides by it has
// locked the payment.
func given(ctx context.Context, tx store.Querier, order, except string) (minor int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(minor), 0) AS BIGINT) FROM refunds
		WHERE order_id = $1 AND refund_id <> $2 AND state IN ('asked', 'refunded')`, order, except).Scan(&minor)
	if err != nil {
		return 0, fmt.Errorf("add up the refunds of order %s: %w", order, err)
	}
	return minor, nil
}

// show returns a payment and its refunds. ok is false if there is none.
func show(ctx context.Context, db store.Querier, order string) (p Payment, refunds []Refund, ok bool, err error) {
	p.Order = order
	err = db.QueryRowContext(ctx, "SELECT state, reason, minor, currency FROM payments WHERE order_id = $1", order).
		Scan(&p.State, &p.Reason, &p.Amount.Minor, &p.Amount.Currency)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil, false, nil
	}
	if err != nil {
		return p, nil, false, fmt.Errorf("look up the payment for order %s: %w", order, err)
	}
	rows, err := db.QueryContext(ctx, `SELECT refund_id, order_id, state, reason, minor, currency FROM refunds
		WHERE order_id = $1 ORDER BY refund_id`, order)
	if err != nil {
		return p, nil, false, fmt.Errorf("look up the refunds of order %s: %w", order, err)
	}
	defer rows.Close()
	refunds = []Refund{}
	for rows.Next() {
		var r Refund
		if err := rows.Scan(&r.ID, &r.Order, &r.State, &r.Reason, &r.Amount.Minor, &r.Amount.Currency); err != nil {
			return p, nil, false, fmt.Errorf("read a refund: %w", err)
		}
		refunds = append(refunds, r)
	}
	return p, refunds, true, rows.Err()
}

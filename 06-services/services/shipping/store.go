package shipping

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warren.example/06-services/store"
)

// change changes the state of a parcel as its table says, and tells whether it did. due is when its next move is; 0 is never.
// Who is first makes the row, and whoever comes meanwhile waits for it: so two messages about one order don't both find
// nothing. (ON CONFLICT DO UPDATE locks the row and returns it as it is. SQLite has no SELECT ... FOR UPDATE.)
func change(ctx context.Context, tx store.Querier, order string, cause Cause, due int64) (bool, error) {
	var state State
	err := tx.QueryRowContext(ctx, `INSERT INTO parcels (order_id, state, moved, due) VALUES ($1, '', 0, 0)
		ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id RETURNING state`, order).Scan(&state)
	if err != nil {
		return false, fmt.Errorf("look at the parcel of order %s: %w", order, err)
	}
	next := state.After(cause)
	if next == state {
		return false, nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE parcels SET state = $1, due = $2 WHERE order_id = $3", next, due, order)
	if err != nil {
		return false, fmt.Errorf("change the parcel of order %s: %w", order, err)
	}
	return true, nil
}

// A step is the next move of a parcel.
type step struct {
	order  string
	number int
}

// dueSteps returns the steps that are due, at most limit, the oldest first.
func dueSteps(ctx context.Context, q store.Querier, now time.Time, limit int) ([]step, error) {
	rows, err := q.QueryContext(ctx, `SELECT order_id, moved + 1 FROM parcels WHERE due > 0 AND due <= $1
		ORDER BY due, order_id LIMIT $2`, now.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("look which parcels move: %w", err)
	}
	defer rows.Close()
	var steps []step
	for rows.Next() {
		var s step
		if err := rows.Scan(&s.order, &s.number); err != nil {
			return nil, fmt.Errorf("look which parcels move: %w", err)
		}
		steps = append(steps, s)
	}
	return steps, rows.Err()
}

// take makes a step, and tells whether it did: it did not if another instance has, or the parcel was stopped meanwhile.
func take(ctx context.Context, tx store.Querier, s step, due int64) (bool, error) {
	taken, err := tx.ExecContext(ctx, `UPDATE parcels SET state = $1, moved = $2, due = $3
		WHERE order_id = $4 AND moved = $5 AND due > 0`, Picking.After(Moved), s.number, due, s.order, s.number-1)
	if err != nil {
		return false, fmt.Errorf("move the parcel of order %s: %w", s.order, err)
	}
	n, err := taken.RowsAffected()
	return n == 1, err
}

func insertMove(ctx context.Context, tx store.Querier, order string, m Move) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO moves (order_id, number, status, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, order, m.Number, m.Status, m.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("keep move %d of order %s: %w", m.Number, order, err)
	}
	return nil
}

// find returns the tracking page of an order. ok is false if no parcel is known.
func find(ctx context.Context, q store.Querier, order string) (p Parcel, ok bool, err error) {
	var state State
	err = q.QueryRowContext(ctx, "SELECT state FROM parcels WHERE order_id = $1", order).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) || err == nil && state == Unknown {
		return Parcel{}, false, nil
	}
	if err != nil {
		return Parcel{}, false, fmt.Errorf("find the parcel of order %s: %w", order, err)
	}
	rows, err := q.QueryContext(ctx, "SELECT number, status, at FROM moves WHERE order_id = $1 ORDER BY number", order)
	if err != nil {
		return Parcel{}, false, fmt.Errorf("find the moves of order %s: %w", order, err)
	}
	defer rows.Close()
	var came []Move
	for rows.Next() {
		var m Move
		var at int64
		if err := rows.Scan(&m.Number, &m.Status, &at); err != nil {
			return Parcel{}, false, fmt.Errorf("find the moves of order %s: %w", order, err)
		}
		m.At = time.UnixMilli(at).UTC()
		came = append(came, m)
	}
	return track(order, state, came), true, rows.Err()
}

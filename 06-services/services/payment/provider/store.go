package provider

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"warren.example/06-services/money"
	"warren.example/06-services/store"
)

// A Charge is what the provider knows of one.
type Charge struct {
	Key      string      `json:"key"` // the idempotency key that it was asked for with
	State    State       `json:"state"`
	Amount   money.Money `json:"amount"`   // none if the void came before the charge
	Refunded money.Money `json:"refunded"` // what was given back of it
}

// A Refund is what the provider knows of one.
type Refund struct {
	Key    string      `json:"key"`
	State  State       `json:"state"`
	Amount money.Money `json:"amount"`
}

// Why the provider does not do what it is asked to. It says so to the client.
var (
	errOtherAmount = errors.New("this idempotency key was used for another amount or charge")
	errNotCaptured = errors.New("nothing was captured")
	errTooMuch     = errors.New("less was captured than is to be given back")
)

type memory struct{ db *store.DB }

const selectCharge = `SELECT c.id, c.state, c.minor, c.currency, (SELECT CAST(COALESCE(SUM(r.minor), 0) AS BIGINT)
	FROM refunds r WHERE r.charge = c.id AND r.state = 'refunded') FROM charges c `

func scanCharge(row interface{ Scan(...any) error }) (Charge, error) {
	var c Charge
	err := row.Scan(&c.Key, &c.State, &c.Amount.Minor, &c.Amount.Currency, &c.Refunded.Minor)
	c.Refunded.Currency = c.Amount.Currency
	return c, err
}

// lookup returns a charge. ok is false if nobody has asked for it, nor for its void.
func (m memory) lookup(ctx context.Context, key string) (c Charge, ok bool, err error) {
	return lookup(ctx, m.db, key)
}

func lookup(ctx context.Context, db store.Querier, key string) (c Charge, ok bool, err error) {
	c, err = scanCharge(db.QueryRowContext(ctx, selectCharge+"WHERE c.id = $1", key))
	if errors.Is(err, sql.ErrNoRows) {
		return Charge{}, false, nil
	}
	return c, err == nil, err
}

// settle brings a charge into a state, if nobody has asked for it before, and returns what it is in. The first word counts,
// whether it was a charge's or a void's: the primary key decides between two that come at the same time.
func (m memory) settle(ctx context.Context, key string, s State, a money.Money) (c Charge, first bool, err error) {
	err = m.db.Do(ctx, func(tx store.Querier) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO charges (id, state, minor, currency) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO NOTHING`, key, s, a.Minor, a.Currency)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		first = n == 1
		c, _, err = lookup(ctx, tx, key)
		return err
	})
	if err == nil && s != Voided && c.State != Voided && c.Amount != a {
		err = errOtherAmount
	}
	return c, first, err
}

// refund gives back a part of a charge. What has failed is tried again, what is done is not done twice.
func (m memory) refund(ctx context.Context, charge, key string, a money.Money) (Refund, error) {
	r := Refund{Key: key, Amount: a}
	err := m.db.Do(ctx, func(tx store.Querier) error {
		// Locks the charge: two refunds at the same time must not both find enough.
		if _, err := tx.ExecContext(ctx, "UPDATE charges SET state = state WHERE id = $1", charge); err != nil {
			return err
		}
		c, ok, err := lookup(ctx, tx, charge)
		if err != nil {
			return err
		}
		if !ok || c.State != Captured {
			return errNotCaptured
		}
		var tries int64
		var was Refund
		var of string
		err = tx.QueryRowContext(ctx, "SELECT charge, state, minor, currency, tries FROM refunds WHERE id = $1", key).
			Scan(&of, &was.State, &was.Amount.Minor, &was.Amount.Currency, &tries)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case of != charge || was.Amount != a:
			return errOtherAmount
		case was.State == Refunded:
			r.State = Refunded
			return nil
		}
		if a.Currency != c.Amount.Currency || a.Minor > c.Amount.Minor-c.Refunded.Minor {
			return errTooMuch
		}
		r.State = refunded(a.Minor, tries+1)
		_, err = tx.ExecContext(ctx, `INSERT INTO refunds (id, charge, state, minor, currency, tries) VALUES ($1, $2, $3, $4, $5, 1)
			ON CONFLICT (id) DO UPDATE SET state = excluded.state, tries = refunds.tries + 1`,
			key, charge, r.State, a.Minor, a.Currency)
		return err
	})
	return r, err
}

// list returns up to limit charges whose keys come after one, in the order of their keys.
func (m memory) list(ctx context.Context, after string, limit int) ([]Charge, error) {
	rows, err := m.db.QueryContext(ctx, selectCharge+"WHERE c.id > $1 ORDER BY c.id LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("list charges: %w", err)
	}
	defer rows.Close()
	found := []Charge{}
	for rows.Next() {
		c, err := scanCharge(rows)
		if err != nil {
			return nil, fmt.Errorf("read a charge: %w", err)
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

package infrastructure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warren.example/06-services/services/order/application"
	"warren.example/06-services/store"
)

const sagaColumns = "key, order_id, state, reason, asks, failures, overdue, asked, deadline_at, version"

func scanSaga(row interface{ Scan(...any) error }) (application.Saga, error) {
	var s application.Saga
	var deadline sql.NullInt64
	err := row.Scan(&s.Key, &s.Order, &s.State, &s.Reason, &s.Asks, &s.Failures, &s.Overdue, &s.Asked, &deadline, &s.Version)
	if deadline.Valid {
		s.Deadline = time.UnixMilli(deadline.Int64)
	}
	return s, err
}

// Saga implements application.Store.
func (Store) Saga(ctx context.Context, q store.Querier, key string) (s application.Saga, ok bool, err error) {
	s, err = scanSaga(q.QueryRowContext(ctx, "SELECT "+sagaColumns+" FROM sagas WHERE key = $1", key))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return application.Saga{}, false, nil
	case err != nil:
		return application.Saga{}, false, fmt.Errorf("saga %s: %w", key, err)
	}
	return s, true, nil
}

// Save implements application.Store.
func (Store) Save(ctx context.Context, q store.Querier, s application.Saga) error {
	deadline := sql.NullInt64{Int64: s.Deadline.UnixMilli(), Valid: !s.Deadline.IsZero()}
	statement := "UPDATE sagas SET order_id = $2, state = $3, reason = $4, asks = $5, failures = $6, overdue = $7, ended = $8, " +
		"asked = $9, deadline_at = $10, version = version + 1 WHERE key = $1 AND version = $11"
	if s.Version == 0 {
		statement = "INSERT INTO sagas (key, order_id, state, reason, asks, failures, overdue, ended, asked, deadline_at, version) " +
			"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 + 1) ON CONFLICT DO NOTHING"
	}
	done, err := q.ExecContext(ctx, statement, s.Key, s.Order, string(s.State), s.Reason, s.Asks, s.Failures, s.Overdue,
		s.State.Ended(), s.Asked, deadline, s.Version)
	if err := one(done, err); err != nil {
		return fmt.Errorf("save saga %s: %w", s.Key, err)
	}
	return nil
}

// Due implements application.Store.
func (Store) Due(ctx context.Context, q store.Querier, now time.Time, limit int) ([]string, error) {
	due, err := texts(q.QueryContext(ctx, "SELECT key FROM sagas WHERE deadline_at IS NOT NULL AND deadline_at <= $1 "+
		"ORDER BY deadline_at LIMIT $2", now.UnixMilli(), limit))
	if err != nil {
		return nil, fmt.Errorf("look for deadlines: %w", err)
	}
	return due, nil
}

// Sagas implements application.Store.
func (Store) Sagas(ctx context.Context, q store.Querier, overdue bool, after string, limit int) ([]application.Saga, error) {
	where := "NOT ended AND key > $1"
	if overdue {
		where += " AND overdue"
	}
	rows, err := q.QueryContext(ctx, "SELECT "+sagaColumns+" FROM sagas WHERE "+where+" ORDER BY key LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("list sagas: %w", err)
	}
	defer rows.Close()
	var sagas []application.Saga
	for rows.Next() {
		s, err := scanSaga(rows)
		if err != nil {
			return nil, fmt.Errorf("list sagas: %w", err)
		}
		sagas = append(sagas, s)
	}
	return sagas, rows.Err()
}

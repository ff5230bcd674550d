package sqltap

import (
	"context"
	"database/sql/driver"
	"errors"
)

// A stmt is a prepared statement.
type stmt struct {
	conn  *conn
	real  driver.Stmt
	query string
}

var (
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

// Close closes it, unless it went with its connection.
func (s *stmt) Close() error {
	err := s.conn.use(func() error {
		delete(s.conn.stmts, s)
		return s.real.Close()
	})
	if errors.Is(err, ErrCrashed) {
		return nil
	}
	return err
}

// NumInput returns how many arguments the statement takes, or -1.
func (s *stmt) NumInput() int { return s.real.NumInput() }

// Exec is never called: there is ExecContext.
func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNotSupported }

// Query is never called: there is QueryContext.
func (s *stmt) Query([]driver.Value) (driver.Rows, error) { return nil, errNotSupported }

// ExecContext is a step.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	real, ok := s.real.(driver.StmtExecContext)
	if !ok {
		return nil, errNotSupported
	}
	return s.conn.exec(ctx, s.query, func() (driver.Result, error) { return real.ExecContext(ctx, args) })
}

// QueryContext is a step.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	real, ok := s.real.(driver.StmtQueryContext)
	if !ok {
		return nil, errNotSupported
	}
	return s.conn.query(ctx, s.query, func() (driver.Rows, error) { return real.QueryContext(ctx, args) })
}

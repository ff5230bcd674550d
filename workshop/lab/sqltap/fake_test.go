package sqltap_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A store is a database with the least that there is to tell: "PUT thing" puts it in, "SELECT things" lists them.
type store struct {
	mu     sync.Mutex
	things map[string]bool
	open   int // connections
}

func newStore() *store { return &store{things: map[string]bool{}} }

// committed returns what is in the database, sorted.
func (s *store) committed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.things))
}

func (s *store) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *store) Connect(context.Context) (driver.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return &storeConn{store: s}, nil
}

func (s *store) Driver() driver.Driver { return nil }

// A storeConn is a connection. What a transaction puts is in pending until its commit.
type storeConn struct {
	store   *store
	inTx    bool
	pending []string
}

func (c *storeConn) Close() error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.open--
	return nil
}

func (c *storeConn) Begin() (driver.Tx, error) { panic("not used") }

func (c *storeConn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	c.inTx = true
	return c, nil
}

func (c *storeConn) Commit() error {
	c.inTx = false
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	for _, thing := range c.pending {
		c.store.things[thing] = true
	}
	c.pending = nil
	return nil
}

func (c *storeConn) Rollback() error {
	c.inTx, c.pending = false, nil
	return nil
}

func (c *storeConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *storeConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return &storeStmt{c, query}, nil
}

func (c *storeConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	verb, thing, _ := strings.Cut(strings.Join(strings.Fields(query), " "), " ")
	switch verb {
	case "PUT":
		c.pending = append(c.pending, thing)
		if c.inTx {
			return driver.RowsAffected(1), nil
		}
		return driver.RowsAffected(1), c.Commit()
	case "BEGIN":
		c.inTx = true
		return driver.ResultNoRows, nil
	case "COMMIT":
		return driver.ResultNoRows, c.Commit()
	case "ROLLBACK":
		return driver.ResultNoRows, c.Rollback()
	}
	return nil, errors.New("no such statement: " + verb)
}

func (c *storeConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if !strings.HasPrefix(query, "SELECT") {
		return nil, errors.New("no such query: " + query)
	}
	return &storeRows{left: append(c.store.committed(), c.pending...)}, nil
}

type storeStmt struct {
	conn  *storeConn
	query string
}

func (s *storeStmt) Close() error                               { return nil }
func (s *storeStmt) NumInput() int                              { return -1 }
func (s *storeStmt) Exec([]driver.Value) (driver.Result, error) { panic("not used") }
func (s *storeStmt) Query([]driver.Value) (driver.Rows, error)  { panic("not used") }

func (s *storeStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *storeStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

type storeRows struct{ left []string }

func (r *storeRows) Columns() []string { return []string{"thing"} }
func (r *storeRows) Close() error      { return nil }

func (r *storeRows) Next(row []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	row[0], r.left = r.left[0], r.left[1:]
	return nil
}

package sqltap

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
)

// errNotSupported is for drivers of another age.
var errNotSupported = errors.New("sqltap: the driver lacks an interface of database/sql/driver that takes a context")

// A conn is one connection of a program. database/sql has one goroutine at a time use it; a crash may come from another.
type conn struct {
	program *Program

	mu      sync.Mutex // held while the driver works
	real    driver.Conn
	closed  bool
	writing bool               // has the right to write
	stmts   map[*stmt]struct{} // prepared and not closed
}

// A conn has what database/sql asks for.
var (
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

// use has the driver work, if it still can.
func (c *conn) use(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrCrashed
	}
	return do()
}

// end closes the connection, as its process dies: what was open is rolled back.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	for s := range c.stmts { // SQLite keeps a connection, and its transaction, as long as a statement is left
		_ = s.real.Close()
	}
	_ = c.real.Close()
	c.yield()
}

// yield gives the right to write back, if the connection has it. c.mu is held.
func (c *conn) yield() {
	if c.writing {
		c.writing = false
		c.program.tap.give()
	}
}

// Close closes the connection.
func (c *conn) Close() error {
	c.program.remove(c)
	c.end()
	return nil
}

// Begin is never called: there is BeginTx.
func (c *conn) Begin() (driver.Tx, error) { return nil, errNotSupported }

// BeginTx waits for the right to write, which the transaction keeps until it ends.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	real, ok := c.real.(driver.ConnBeginTx)
	if !ok {
		return nil, errNotSupported
	}
	var begun driver.Tx
	err := c.program.step(ctx, "begin", func() error {
		return c.write(ctx, true, func() (err error) {
			begun, err = real.BeginTx(ctx, opts)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return tx{c, begun}, nil
}

// write has the driver write, when it is the connection's turn. If keep, the turn goes on afterwards, unless it failed.
func (c *conn) write(ctx context.Context, keep bool, do func() error) error {
	had, err := c.turn(ctx)
	if err != nil {
		return err
	}
	return c.use(func() error {
		err := do()
		if !had && (!keep || err != nil) {
			c.yield()
		}
		return err
	})
}

// turn waits for the right to write, and tells whether the connection had it already.
func (c *conn) turn(ctx context.Context) (had bool, err error) {
	c.mu.Lock()
	had = c.writing
	c.mu.Unlock()
	if had {
		return true, nil
	}
	if err := c.program.tap.take(ctx, c.program); err != nil {
		return false, err
	}
	if err := c.use(func() error { c.writing = true; return nil }); err != nil { // it crashed meanwhile
		c.program.tap.give()
		return false, err
	}
	return false, nil
}

// PrepareContext prepares a statement. That is no step: it has no effect.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	real, ok := c.real.(driver.ConnPrepareContext)
	if !ok {
		return nil, errNotSupported
	}
	s := &stmt{conn: c, query: query}
	err := c.use(func() (err error) {
		if s.real, err = real.PrepareContext(ctx, query); err == nil {
			if c.stmts == nil {
				c.stmts = map[*stmt]struct{}{}
			}
			c.stmts[s] = struct{}{}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Prepare is PrepareContext without one.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// ExecContext is a step.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	real, ok := c.real.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return c.exec(ctx, query, func() (driver.Result, error) { return real.ExecContext(ctx, query, args) })
}

// QueryContext is a step. All rows are read before it returns.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	real, ok := c.real.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	return c.query(ctx, query, func() (driver.Rows, error) { return real.QueryContext(ctx, query, args) })
}

func (c *conn) exec(ctx context.Context, query string, do func() (driver.Result, error)) (result driver.Result, err error) {
	err = c.statement(ctx, query, func() (err error) {
		result, err = do()
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (c *conn) query(ctx context.Context, query string, do func() (driver.Rows, error)) (driver.Rows, error) {
	var all *rows
	err := c.statement(ctx, query, func() error {
		real, err := do()
		if err != nil {
			return err
		}
		all, err = readAll(real)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// statement takes the step that a statement is. A transaction may also be begun and ended by statements.
func (c *conn) statement(ctx context.Context, query string, do func() error) error {
	text := strings.Join(strings.Fields(query), " ")
	first, _, _ := strings.Cut(text, " ")
	return c.program.step(ctx, text, func() error {
		switch strings.ToUpper(strings.TrimRight(first, ";")) {
		case "SELECT", "VALUES", "EXPLAIN", "PRAGMA":
			return c.use(do)
		case "BEGIN":
			return c.write(ctx, true, do)
		case "COMMIT", "END":
			return c.finish(do)
		case "ROLLBACK":
			if strings.Contains(strings.ToUpper(text), " TO ") { // a savepoint: the transaction goes on
				return c.use(do)
			}
			return c.finish(do)
		}
		return c.write(ctx, false, do)
	})
}

// finish ends a transaction.
func (c *conn) finish(do func() error) error {
	return c.use(func() error {
		defer c.yield()
		return do()
	})
}

// Ping is no step.
func (c *conn) Ping(ctx context.Context) error {
	return c.use(func() error {
		if real, ok := c.real.(driver.Pinger); ok {
			return real.Ping(ctx)
		}
		return nil
	})
}

// ResetSession is called before the connection is used again.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.program.Crashed() {
		return driver.ErrBadConn
	}
	if real, ok := c.real.(driver.SessionResetter); ok {
		return real.ResetSession(ctx)
	}
	return nil
}

// IsValid is called before the connection is put back into the pool.
func (c *conn) IsValid() bool {
	if c.program.Crashed() {
		return false
	}
	real, ok := c.real.(driver.Validator)
	return !ok || real.IsValid()
}

// CheckNamedValue leaves to the driver what it takes as an argument.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if real, ok := c.real.(driver.NamedValueChecker); ok {
		return real.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// A tx is a transaction that was begun by BeginTx.
type tx struct {
	conn *conn
	real driver.Tx
}

func (t tx) Commit() error { return t.end("commit", t.real.Commit) }

func (t tx) Rollback() error { return t.end("rollback", t.real.Rollback) }

// end takes the step that ends the transaction. Where that fails, it is rolled back: the connection is used again.
func (t tx) end(name string, do func() error) error {
	err := t.conn.program.step(context.Background(), name, func() error { return t.conn.finish(do) })
	if err != nil {
		_ = t.conn.finish(t.real.Rollback)
	}
	return err
}

// Package sqltap is a tap on a database, as package tap is one on a broker. A test opens the database through it as each of its
// programs, and then counts what a program does, has it wait at a step, or has it die between two.
//
//	tap := sqltap.New(connector)
//	t.Cleanup(tap.Close)
//	db := tap.Open()
//	db.CrashAt(2, sqltap.Before)       // the second step from now on does not happen any more
//	err := Apply(ctx, db.DB, message)  // wraps ErrCrashed
//	after := tap.Open()                // the program is started again, and finds what a dead one has left
//
// A step is what changes something or answers: a begin, a statement, a commit, a rollback. Pings and prepares are none.
package sqltap

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"sync/atomic"
)

// A Tap leads to one database. It is safe for use by many goroutines.
type Tap struct {
	connector driver.Connector
	writer    chan struct{} // full while some program writes
	waiting   atomic.Int64

	mu       sync.Mutex
	programs []*Program
}

// New returns a tap on the database that connector leads to. Its driver must have the interfaces of database/sql/driver that
// take a context; where one is missing, the step that needs it fails.
func New(connector driver.Connector) *Tap {
	return &Tap{connector: connector, writer: make(chan struct{}, 1)}
}

// Open opens the database once more, as a program that has just been started.
func (t *Tap) Open() *Program {
	p := &Program{tap: t, conns: map[*conn]struct{}{}, dead: make(chan struct{})}
	p.DB = sql.OpenDB(link{p})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.programs = append(t.programs, p)
	return p
}

// Close ends all programs, those that hang in a step too. Safe to call twice.
func (t *Tap) Close() {
	t.mu.Lock()
	programs := t.programs
	t.programs = nil
	t.mu.Unlock()
	for _, p := range programs {
		p.die()
		_ = p.DB.Close()
	}
}

// Waiting returns how many steps wait until another program's, or another goroutine's, transaction is over. There is one
// writer at a time, as with SQLite: a transaction from its begin to its end, or a statement outside of one that does not
// merely read. Who waits has no limit but its context.
func (t *Tap) Waiting() int { return int(t.waiting.Load()) }

// take waits for the right to write.
func (t *Tap) take(ctx context.Context, p *Program) error {
	select {
	case t.writer <- struct{}{}:
		return nil
	default:
	}
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	select {
	case t.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.dead:
		return ErrCrashed
	}
}

// give hands the right to write to the next.
func (t *Tap) give() { <-t.writer }

// link is a program's way to its connections.
type link struct{ program *Program }

func (l link) Connect(ctx context.Context) (driver.Conn, error) {
	if l.program.Crashed() {
		return nil, ErrCrashed
	}
	real, err := l.program.tap.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return l.program.add(real)
}

func (l link) Driver() driver.Driver { return l.program.tap.connector.Driver() }

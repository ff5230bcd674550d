package sqltap

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrCrashed is what every step of a program returns that has crashed.
var ErrCrashed = errors.New("sqltap: this program has crashed")

// When says on which side of a step a program crashes.
type When int

const (
	Before When = iota // the step does not happen
	After              // the step happens, and the program never hears of it
)

// String returns "before" or "after".
func (w When) String() string {
	if w == After {
		return "after"
	}
	return "before"
}

// A Program is the database as one running program has it: it dies with all its connections, and leaves the others alone.
type Program struct {
	*sql.DB

	tap  *Tap
	dead chan struct{} // closed when it has crashed

	mu      sync.Mutex
	steps   []string
	crash   *crash
	fails   map[int]error // by number of the step
	holds   []*Hold
	conns   map[*conn]struct{}
	last    string // where it crashed
	over    bool   // dead is closed
	onCrash []func()
}

// A crash is one to come.
type crash struct {
	at   int // number of the step, from 1
	when When
}

// Steps returns what the program has done so far, and tried to do, in order: "begin", "commit", "rollback", or a statement's
// text with single spaces.
func (p *Program) Steps() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.steps)
}

// CrashAt has the program crash at its nth step from now on, n from 1. It replaces an earlier CrashAt.
func (p *Program) CrashAt(n int, when When) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crash = &crash{at: len(p.steps) + n, when: when}
}

// FailAt has the nth step from now on, n from 1, fail with err: it doesn't happen, and the program lives on. A statement that
// fails leaves its transaction open; a commit that fails has rolled it back.
func (p *Program) FailAt(n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails == nil {
		p.fails = map[int]error{}
	}
	p.fails[len(p.steps)+n] = err
}

// Crash is the sudden end of the program, as far as the database can see: its open transactions are rolled back, and from now on each
// of its steps returns ErrCrashed. Its functions still run, but nothing that they do arrives. What OnCrash was given is
// called before Crash returns. Safe to call twice.
func (p *Program) Crash() { p.crashAs("crashed") }

// Crashed tells whether the program has crashed.
func (p *Program) Crashed() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// OnCrash has f called when the program crashes, in the goroutine that takes the fatal step: what else dies with it, such as
// its connections to the broker.
func (p *Program) OnCrash(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onCrash = append(p.onCrash, f)
}

// String says where the program has crashed: "crashed before step 3 (commit)", or "no crash".
func (p *Program) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == "" {
		return "no crash"
	}
	return p.last
}

// HoldAt has the nth step from now on, n from 1, wait until it is released. A crash ends it, and the end of the step's context.
func (p *Program) HoldAt(n int) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &Hold{at: len(p.steps) + n, reached: make(chan struct{}), release: make(chan struct{})}
	p.holds = append(p.holds, h)
	return h
}

// A Hold is a step that waits, or will wait.
type Hold struct {
	at      int
	reached chan struct{}
	once    sync.Once
	release chan struct{}
}

// Reached tells whether the program has come to the step.
func (h *Hold) Reached() bool {
	select {
	case <-h.reached:
		return true
	default:
		return false
	}
}

// Release lets the step go on, or never wait. Safe to call twice.
func (h *Hold) Release() { h.once.Do(func() { close(h.release) }) }

// step takes one step of the program: do, with what the test wants to happen before and after it.
func (p *Program) step(ctx context.Context, name string, do func() error) error {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return ErrCrashed
	}
	p.steps = append(p.steps, name)
	n, crash := len(p.steps), p.crash
	err := p.fails[n]
	var hold *Hold
	if i := slices.IndexFunc(p.holds, func(h *Hold) bool { return h.at == n }); i >= 0 {
		hold = p.holds[i]
	}
	p.mu.Unlock()

	if hold != nil {
		close(hold.reached)
		select {
		case <-hold.release:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.dead:
			return ErrCrashed
		}
	}
	fatal := crash != nil && crash.at == n
	if err == nil && (!fatal || crash.when == After) {
		err = do()
	}
	if fatal {
		p.crashAs(fmt.Sprintf("crashed %s step %d (%s)", crash.when, n, name))
	}
	if p.Crashed() {
		return ErrCrashed
	}
	return err
}

// crashAs crashes the program, and remembers where.
func (p *Program) crashAs(where string) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	p.last = where
	hooks := slices.Clone(p.onCrash)
	p.mu.Unlock()
	p.die()
	for _, f := range hooks {
		f()
	}
}

// die closes what the program has open. What was not committed is gone with it.
func (p *Program) die() {
	p.mu.Lock()
	if !p.over {
		p.over = true
		close(p.dead)
	}
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for c := range conns {
		c.end()
	}
}

// add makes a connection one of the program's.
func (p *Program) add(real driver.Conn) (driver.Conn, error) {
	c := &conn{program: p, real: real}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		_ = real.Close()
		return nil, ErrCrashed
	}
	p.conns[c] = struct{}{}
	return c, nil
}

// remove takes a connection out of the program's.
func (p *Program) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

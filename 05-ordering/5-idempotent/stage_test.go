package idempotent_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warren.example/05-ordering/5-idempotent"
	"warren.example/05-ordering/database"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/sqltap"
)

const (
	read    = "05-ordering/README.md#idempotent"
	teapots = 10 // in stock at the beginning
)

// noon is the time of all that these tests do, if they don't say otherwise.
var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// A stage is the database of the inventory, seen through a tap, with the programs that use it.
type stage struct {
	lab    *lab.Lab
	number int64 // no other stage has it
	path   string
	tap    *sqltap.Tap
	db     *sqltap.Program // of the service
	own    *sqltap.Program // of the test itself
	ctx    context.Context // of all calls: it ends with the test, as a service's does with the service
}

var stages atomic.Int64

// newStage gives a stage that is set up.
func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := stageOn(t, lab.New(t))
	s.mustSetup()
	return s
}

// stageOn gives a stage with a database of its own, which is not set up yet.
func stageOn(t *testing.T, l *lab.Lab) *stage {
	t.Helper()
	s := &stage{lab: l, number: stages.Add(1), path: filepath.Join(t.TempDir(), "inventory.db")}
	s.tap = sqltap.New(database.Connector(s.path))
	t.Cleanup(s.tap.Close)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s.ctx = ctx
	s.db, s.own = s.tap.Open(), s.tap.Open()
	s.exec("CREATE TABLE stock (pieces INTEGER NOT NULL)")
	s.exec("CREATE TABLE reservations (for_order TEXT NOT NULL)")
	s.exec("INSERT INTO stock VALUES ($1)", teapots)
	return s
}

func (s *stage) exec(query string, args ...any) {
	if _, err := s.own.Exec(query, args...); err != nil {
		s.lab.Failf("%s: %v", query, err)
	}
}

// count returns the one number that a query answers.
func (s *stage) count(query string, args ...any) (n int) {
	if err := s.own.QueryRow(query, args...).Scan(&n); err != nil {
		s.lab.Failf("%s: %v", query, err)
	}
	return n
}

// reserved returns how often an order has been reserved.
func (s *stage) reserved(order string) int {
	return s.count("SELECT COUNT(*) FROM reservations WHERE for_order = $1", order)
}

// taken returns how many teapots are gone.
func (s *stage) taken() int { return teapots - s.count("SELECT SUM(pieces) FROM stock") }

func (s *stage) mustSetup() {
	err := s.lab.Do("Setup", func(context.Context) error { return idempotent.Setup(s.ctx, s.db.DB) })
	s.lab.NoError(err, lab.Claim{Want: "nil: nothing stands in the way of Setup", Wire: steps(s.db), Read: read})
}

// message is the command to reserve a teapot for an order. Each stage has IDs of its own.
func (s *stage) message(order string) idempotent.Message {
	return idempotent.Message{ID: fmt.Sprintf("reserve-%s/%d", order, s.number), Sent: noon.Add(-time.Minute), Body: []byte(order)}
}

// A call is one call of Apply.
type call struct {
	*lab.Call
	db      *sqltap.Program
	done    bool         // what it returned, when it has
	effects atomic.Int32 // how often it called its effect
}

// A way says how a call differs from the usual. Its zero value is the usual.
type way struct {
	db     *sqltap.Program   // nil: the stage's
	ctx    context.Context   // nil: the stage's
	now    time.Time         // zero: noon
	effect idempotent.Effect // nil: reserve
}

// start calls Apply.
func (s *stage) start(m idempotent.Message, w way) *call {
	if w.db == nil {
		w.db = s.db
	}
	if w.ctx == nil {
		w.ctx = s.ctx
	}
	if w.now.IsZero() {
		w.now = noon
	}
	if w.effect == nil {
		w.effect = reserve(m)
	}
	c := &call{db: w.db}
	c.Call = s.lab.Go("Apply", func(context.Context) (err error) {
		c.done, err = idempotent.Apply(w.ctx, w.db.DB, m, w.now, func(ctx context.Context, tx *sql.Tx) error {
			c.effects.Add(1)
			return w.effect(ctx, tx)
		})
		return err
	})
	return c
}

// result waits for what a call returns. What came before it is said as in "order-7 came twice".
func (s *stage) result(c *call, before string) error {
	return c.WaitOr(lab.Claim{
		Saw:  before + ", and Apply does not return",
		Want: "it returns: nothing that it needs is held by others",
		Why:  "a consumer that hangs acks nothing, and RabbitMQ sends it nothing more",
		Wire: steps(c.db),
		Read: read,
	})
}

// apply calls Apply, waits for its end, and claims that nothing of it stays open.
func (s *stage) apply(m idempotent.Message, w way, before string) (*call, error) {
	c := s.start(m, w)
	s.lab.Soon(func() bool { return !c.Running() || s.tap.Waiting() > 0 })
	s.lab.Check(!c.Running() || c.db.Stats().InUse < 2, lab.Claim{ // nobody else is at work
		Saw:  before + ", and Apply waits for its own transaction: it has begun one, and now works beside it, with db",
		Want: "what belongs to a transaction is done with tx",
		Why:  "SQLite lets one write at a time: this one waits for itself",
		Wire: steps(c.db),
		Read: read,
	})
	err := s.result(c, before)
	s.nothingOpen(c.db, fmt.Sprintf("%s; Apply returned %t, %v", before, c.done, err))
	return c, err
}

// nothingOpen claims that a program has no connection to the database in use.
func (s *stage) nothingOpen(db *sqltap.Program, before string) {
	open := db.Stats().InUse
	s.lab.Check(open == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s, and left open in the database: %d", before, open),
		Want: "nothing: each transaction ends with commit or rollback, and rows are closed",
		Why: "SQLite has one writer, and this one never ends: from here on every message waits, in every program, " +
			"until somebody restarts this one",
		Wire: steps(db),
		Read: read,
	})
}

// must is apply for a message that has not been done. Order is what its body says.
func (s *stage) must(m idempotent.Message, w way, before string) {
	c, err := s.apply(m, w, before)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned an error: %v", before, err),
		Want: "true, nil: it was not done before, and nothing stands in its way",
		Wire: steps(c.db),
		Read: read,
	})
	s.lab.Check(c.done, lab.Claim{
		Saw:  before + "; Apply returned false, nil",
		Want: "true, nil: it was not done before",
		Why:  "the consumer acks it, and a paid order is never packed",
		Wire: steps(c.db),
		Read: read,
	})
	s.lab.Check(c.effects.Load() == 1, lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned true, nil, and called effect %d times", before, c.effects.Load()),
		Want: "once",
		Wire: steps(c.db),
		Read: read,
	})
}

// again is apply for a message that has been done.
func (s *stage) again(m idempotent.Message, w way, before string) {
	c, err := s.apply(m, w, before)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned an error: %v", before, err),
		Want: "false, nil: it was done before, and that is no error",
		Why:  "the consumer doesn't ack it: it comes again, fails again, and ends among the dead letters",
		Wire: steps(c.db),
		Read: read,
	})
	s.lab.Check(!c.done && c.effects.Load() == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned %t, nil, and called effect %d times", before, c.done, c.effects.Load()),
		Want: "false, nil, and effect is not called: it was done before",
		Why:  "the customer ordered one teapot, and two are packed",
		Wire: steps(c.db),
		Read: read,
	})
}

// stored claims how often an order is reserved.
func (s *stage) stored(order string, times int, c lab.Claim) {
	n := s.reserved(order)
	c.Saw = fmt.Sprintf("%s: %s is reserved %d times", c.Saw, order, n)
	c.Want = []string{"not at all", "once", "twice"}[times]
	if c.Why == "" {
		c.Why = "the customer ordered one teapot, and two are packed"
		if n < times {
			c.Why = "the consumer acks it, and a paid order is never packed"
		}
	}
	c.Read = read
	s.lab.Check(n == times, c)
}

// steps is what a program has done in the database lately, for Claim.Wire.
func steps(db *sqltap.Program) string {
	all := db.Steps()
	all = all[max(0, len(all)-8):]
	for i, step := range all {
		if letters := []rune(step); len(letters) > 40 {
			all[i] = string(letters[:39]) + "…"
		}
	}
	if len(all) == 0 {
		return "you→database nothing"
	}
	return "you→database " + strings.Join(all, " · ")
}

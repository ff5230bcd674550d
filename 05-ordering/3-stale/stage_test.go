package stale_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren.example/05-ordering/3-stale"
	"warren.example/05-ordering/database"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/sqltap"
)

const read = "05-ordering/README.md#stale"

// A stage is a database with the table of prices, and the programs that work on it.
//
//	Apply ──► program ──╮
//	                    ├──► tap ──► prices
//	the test ─► other ──╯
type stage struct {
	lab     *lab.Lab
	ctx     context.Context // outlives each call, as that of a service does
	tap     *sqltap.Tap
	program *sqltap.Program    // the learner's
	other   *sqltap.Program    // another process, as it were
	told    map[string]history // by SKU
	wire    string             // the steps of the last call
}

// A history is what was applied to a product one after another.
type history struct {
	newest stale.Change
	events []string
}

func newStage(t *testing.T) *stage {
	s := &stage{lab: lab.New(t), ctx: t.Context(), told: map[string]history{}}
	s.tap = sqltap.New(database.Connector(filepath.Join(t.TempDir(), "prices.db")))
	t.Cleanup(s.tap.Close)
	s.program, s.other = s.tap.Open(), s.tap.Open()
	s.sql(stale.Schema)
	return s
}

// sql executes a statement of the test's own, as the other program.
func (s *stage) sql(query string, args ...any) { s.done(s.exec(query, args...), query) }

// exec is sql that doesn't wait.
func (s *stage) exec(query string, args ...any) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := s.other.Exec(query, args...)
		done <- err
	}()
	return done
}

// done waits for the end of an exec.
func (s *stage) done(exec <-chan error, query string) {
	s.lab.Check(s.lab.Soon(func() bool { return len(exec) == 1 }), lab.Claim{
		Saw:  "Apply has returned, and another program still waits until its transaction is over",
		Want: "each transaction ends, by commit or rollback, before Apply returns",
		Why:  whyOpen,
		Wire: s.wire,
		Read: read,
	})
	if err := <-exec; err != nil {
		s.lab.Failf("%s: %v", query, err)
	}
}

// store is what another program does with a change, and does well.
const store = `
	INSERT INTO prices (sku, version, cents, deleted, changed_at) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT (sku) DO UPDATE
		SET version = excluded.version, cents = excluded.cents, deleted = excluded.deleted, changed_at = excluded.changed_at
		WHERE prices.version < excluded.version`

func values(c stale.Change) []any {
	return []any{c.SKU, c.Version, c.Price, c.Deleted, c.At.UnixMilli()}
}

// put has another program store a change.
func (s *stage) put(c stale.Change) {
	s.sql(store, values(c)...)
	s.told[c.SKU] = history{c, []string{"another program stored " + text(c)}}
}

// nine is when changes are made, if it doesn't matter.
var nine = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// lamp returns a change of the lamp's price, in cents.
func lamp(version, cents int64) stale.Change {
	return stale.Change{SKU: "lamp", Version: version, Price: cents, At: nine.Add(time.Duration(version) * time.Minute)}
}

// gone returns the lamp's deletion. It has a price, as the change of a form that was filled in has, and that means nothing.
func gone(version int64) stale.Change {
	c := lamp(version, 999)
	c.Deleted = true
	return c
}

// text says of a change what it wants: "version 2, 24.99", "version 3, deleted".
func text(c stale.Change) string {
	what := fmt.Sprintf("%d.%02d", c.Price/100, c.Price%100)
	if c.Deleted {
		what = "deleted"
	}
	return fmt.Sprintf("version %d, %s", c.Version, what)
}

// apply calls Apply where nobody else is at work.
func (s *stage) apply(db *sqltap.Program, c stale.Change) (applied bool, err error) {
	before := len(db.Steps())
	call := s.lab.Go("Apply", func(context.Context) (err error) {
		applied, err = stale.Apply(s.ctx, db.DB, c)
		return err
	})
	s.lab.Soon(func() bool { return !call.Running() || s.tap.Waiting() > 0 })
	s.nobodyWaits(db, c)
	err = call.WaitOr(lab.Claim{
		Want: "nobody else is at work: it has nothing to wait for, and needs one connection of db at a time",
		Wire: steps(db.Steps()),
		Read: read,
	})
	s.wire = steps(db.Steps()[before:])
	if s.wire == "" {
		s.wire = "no step was taken: the database was not asked"
	}
	return applied, err
}

// nobodyWaits claims that no transaction is in the way of an Apply.
func (s *stage) nobodyWaits(db *sqltap.Program, c stale.Change) {
	s.lab.Check(s.tap.Waiting() == 0, lab.Claim{
		Saw:  fmt.Sprintf("Apply was called with %s, and waits for a transaction that this call or an earlier one began", text(c)),
		Want: "nobody else is at work: it has nothing to wait for",
		Why:  whyOpen,
		Wire: steps(db.Steps()),
		Read: read,
	})
}

const whyOpen = "a transaction that stays open has the right to write: from now on no program can store anything"

// must applies a change where nothing stands in the way, and claims that Apply tells the truth and that the newest is stored.
func (s *stage) must(c stale.Change, why string) {
	applied, err := s.apply(s.program, c)

	h := s.told[c.SKU]
	newer := c.Version > h.newest.Version
	if newer {
		h.newest = c
	}
	h.events = append(h.events, text(c))
	s.told[c.SKU] = h
	claim := lab.Claim{Why: why, Wire: s.wire, Read: read}
	story := fmt.Sprintf("%s: %s", c.SKU, strings.Join(h.events, "; then "))
	claim.Saw = fmt.Sprintf("%s: Apply returned the error %v", story, err)
	claim.Want = "no error: what is old or known is nothing bad"
	s.lab.NoError(err, claim)
	claim.Saw = fmt.Sprintf("%s. The table has %s", story, s.row(c.SKU))
	claim.Want = "it has " + rowOf(h.newest).String()
	s.lab.Check(s.row(c.SKU) == rowOf(h.newest), claim)
	claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v", story, applied)
	claim.Want = fmt.Sprintf("applied=%v: this call has stored it", newer)
	if !newer {
		claim.Want = fmt.Sprintf("applied=%v: this call has changed nothing", newer)
		claim.Why = "who is told that the price has changed tells everybody, once more and wrongly"
	}
	s.lab.Check(applied == newer, claim)
}

// A row is one of the table of prices. Its zero value says that there is none.
type row struct {
	version, cents, deleted, changedAt int64
}

// rowOf returns the row that a change makes; no change makes none.
func rowOf(c stale.Change) row {
	if c.Version == 0 {
		return row{}
	}
	if c.Deleted {
		return row{version: c.Version, deleted: 1, changedAt: c.At.UnixMilli()}
	}
	return row{version: c.Version, cents: c.Price, changedAt: c.At.UnixMilli()}
}

// row returns the row of a product. What cents says of a deleted one is left out: it means nothing.
func (s *stage) row(sku string) (r row) {
	err := s.other.QueryRow("SELECT version, cents, deleted, changed_at FROM prices WHERE sku = ?", sku).
		Scan(&r.version, &r.cents, &r.deleted, &r.changedAt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		s.lab.Failf("read the price of %s: %v", sku, err)
	}
	if r.deleted == 1 {
		r.cents = 0
	}
	return r
}

func (r row) String() string {
	if r == (row{}) {
		return "no row"
	}
	what := fmt.Sprintf("%d.%02d", r.cents/100, r.cents%100)
	if r.deleted != 0 {
		what = fmt.Sprintf("deleted=%d", r.deleted)
	}
	return fmt.Sprintf("version %d, %s, changed at %s", r.version, what, time.UnixMilli(r.changedAt).UTC().Format("15:04"))
}

// steps puts what a program did into one line, the last of it.
func steps(all []string) string {
	short := []string{}
	for _, step := range all[max(0, len(all)-8):] {
		if words, _, cut := strings.Cut(step, " ("); cut && len(step) > 60 {
			step = words + " (…"
		}
		short = append(short, step)
	}
	return strings.Join(short, " · ")
}

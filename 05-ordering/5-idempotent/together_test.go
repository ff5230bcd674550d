package idempotent_test

import (
	"fmt"
	"testing"
	"time"

	"warren.example/workshop/lab"
)

// Two programs get the same message at the same time. The first is held before each of its steps in turn, until the second is
// through, or has to wait for the first.
func TestTwoAtOnceDoItOnce(t *testing.T) {
	s := newStage(t)
	for n := 1; ; n++ {
		order := fmt.Sprintf("order-%d", n)
		m := s.message(order)
		held, other := s.tap.Open(), s.tap.Open()
		hold := held.HoldAt(n)
		first := s.start(m, way{db: held})
		s.lab.Soon(func() bool { return hold.Reached() || !first.Running() })
		over := !hold.Reached()
		second := s.start(m, way{db: other})
		s.lab.Soon(func() bool { return !second.Running() || s.tap.Waiting() > 0 })
		hold.Release()

		before := fmt.Sprintf("%s came to two programs; the first was held before its step %d", order, n)
		if over {
			before = order + " came to two programs, one after the other"
		}
		errFirst, errSecond := s.result(first, before), s.result(second, before)
		wire := "the first " + steps(held) + " — the second " + steps(other)
		returned := fmt.Sprintf("%s. Apply returned %t, %v to it; %t, %v to the other", before, first.done, errFirst, second.done,
			errSecond)
		claim := lab.Claim{
			Saw:  returned,
			Want: "no error: to one of them it was done before",
			Why:  "the consumer doesn't ack it: it comes again, fails again, and ends among the dead letters",
			Wire: wire,
			Read: read,
		}
		s.lab.NoError(errFirst, claim)
		s.lab.NoError(errSecond, claim)
		s.stored(order, 1, lab.Claim{Saw: returned, Wire: wire})
		claim.Want = "true to one of them, false to the other"
		claim.Why = "the caller can't rely on what it is told"
		s.lab.Check(first.done != second.done, claim)
		s.nothingOpen(held, returned)
		s.nothingOpen(other, returned)
		if over {
			return
		}
	}
}

// One writer at a time, as SQLite has it, hides what PostgreSQL shows: two that look at the same time both find nothing. So
// the table itself is tried here: two messages are done that have nothing in common, and the mark of the second is made one of
// the first, one column at a time.
func TestDatabaseRefusesASecondMark(t *testing.T) {
	s := newStage(t)
	s.must(s.message("order-7"), way{}, "order-7 came")
	second := s.message("order-8")
	second.Sent, second.Redelivered = noon.AddDate(1, 1, 1), true
	s.must(second, way{now: noon.AddDate(1, 1, 1).Add(time.Hour + time.Second)}, "order-8 came, a year later")
	refused, tried := false, []string{}
	for _, c := range s.columns() {
		values := s.values(c)
		if len(values) != 2 {
			continue // no marks are in this table
		}
		tried = append(tried, c.table+"."+c.name)
		refused = refused || s.refuses(c, values)
	}
	saw := "no table that Setup made has two rows"
	if len(tried) > 0 {
		saw = fmt.Sprintf("columns of the tables that Setup made that take the same value twice: %q", tried)
	}
	s.lab.Check(refused, lab.Claim{
		Saw:  "order-7 and order-8 were done; " + saw,
		Want: "the database refuses two marks with one ID: PRIMARY KEY, or UNIQUE",
		Why: "two consumers look at the same moment, find nothing, and both go on. SQLite lets one write at a time; on " +
			"PostgreSQL the teapot is reserved twice",
		Wire: steps(s.db),
		Read: read,
	})
}

// refuses tells whether a column refuses to have the first of its two values twice. All stays as it was.
func (s *stage) refuses(c column, values []any) bool {
	tx, err := s.own.Begin()
	if err != nil {
		s.lab.Failf("begin: %v", err)
	}
	defer tx.Rollback()
	_, err = tx.Exec(fmt.Sprintf("UPDATE %q SET %q = $1 WHERE %[2]q = $2", c.table, c.name), values[0], values[1])
	return err != nil
}

// A column is one of a table that Setup made.
type column struct{ table, name string }

// columns returns those whose values the learner's code gives: a number that SQLite counts up by itself is none.
func (s *stage) columns() (all []column) {
	rows, err := s.own.Query(`SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT IN ('stock', 'reservations') AND t.name NOT LIKE 'sqlite_%'
		AND NOT (c.pk > 0 AND upper(c.type) = 'INTEGER')`)
	if err != nil {
		s.lab.Failf("look for tables: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.table, &c.name); err != nil {
			s.lab.Failf("look for tables: %v", err)
		}
		all = append(all, c)
	}
	if err := rows.Err(); err != nil {
		s.lab.Failf("look for tables: %v", err)
	}
	return all
}

// values returns what is in a column.
func (s *stage) values(c column) (all []any) {
	rows, err := s.own.Query(fmt.Sprintf("SELECT %q FROM %q", c.name, c.table))
	if err != nil {
		s.lab.Failf("look into %v: %v", c, err)
	}
	defer rows.Close()
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			s.lab.Failf("look into %v: %v", c, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		s.lab.Failf("look into %v: %v", c, err)
	}
	return all
}

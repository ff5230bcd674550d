package idempotent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warren.example/05-ordering/5-idempotent"
	"warren.example/workshop/lab"
)

func TestEffectHappensOnce(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	s.must(m, way{}, "order-7 came for the first time")
	s.stored("order-7", 1, lab.Claim{Saw: "Apply returned true, nil", Wire: steps(s.db)})

	s.again(m, way{}, "order-7 came twice")
	s.must(s.message("order-8"), way{}, "order-8 came after order-7")
	m.Redelivered = true
	s.again(m, way{db: s.tap.Open()}, "order-7 came once more, to another program")
	s.stored("order-7", 1, lab.Claim{Saw: "order-7 came three times", Wire: steps(s.db)})
}

// Not parallel to others: their Forget must not help a package that remembers.
func TestOnlyTheDatabaseRemembers(t *testing.T) {
	s := stageOn(t, lab.New(t))
	s.mustSetup()
	m := s.message("order-7")
	s.must(m, way{}, "order-7 came")
	s.again(m, way{}, "order-7 came twice")

	other := stageOn(t, s.lab)
	other.mustSetup()
	other.must(m, way{}, "order-7 was done in one database, and came to a service with another one, in the same program")

	s.forget(noon.Add(time.Hour), 1, lab.Claim{Saw: "order-7 was done an hour ago"})
	s.must(m, way{}, "order-7 was done, and another program forgot it; it came once more")
}

// Two teapots are in stock, and both are reserved. The second message comes again.
func TestLastPieceIsReservedOnce(t *testing.T) {
	s := newStage(t)
	s.exec("UPDATE stock SET pieces = 2")
	s.must(s.message("order-7"), way{}, "order-7 came")
	s.must(s.message("order-8"), way{}, "order-8 came, and took the last teapot")
	s.again(s.message("order-8"), way{}, "order-8 took the last teapot, and came again")
}

func TestOnlyTheIDCounts(t *testing.T) {
	t.Run("another message", func(t *testing.T) {
		s := newStage(t)
		long := strings.Repeat("x", 240) // an ID on the wire has up to 255 bytes
		ids := []string{
			"order-7", "Order-7", "order-7 ", " order-7", "7", "07", "7.0", "7e0", "order's 7", `"; DROP TABLE stock; --`, "order-%",
			"order_7", "ordér-7",
			"plumless", "buckeroo", "costarring", "liquid", // two have one CRC-32, two one FNV-1a of 32 bits
			long + "1", long + "2",
		}
		for _, redelivered := range []bool{false, true} { // one that was delivered to a program that died before it began
			for i, id := range ids {
				if redelivered {
					id += "/again"
				}
				m := idempotent.Message{ID: id, Redelivered: redelivered, Sent: noon, Body: []byte("a teapot")}
				effect := func(context.Context, *sql.Tx) error { return nil }
				s.must(m, way{effect: effect}, fmt.Sprintf("a message with ID %q, redelivered %t, came for the first time, after %d others", id,
					redelivered, i))
			}
		}
	})
	t.Run("the same message", func(t *testing.T) {
		s := newStage(t)
		first := s.message("order-7")
		s.must(first, way{}, "order-7 came")
		copied := first
		copied.Sent = first.Sent.Add(time.Hour)
		s.again(copied, way{}, "order-7 was done, and was sent again an hour later")
		copied.Redelivered = true
		s.again(copied, way{}, "order-7 was done, and was redelivered")
		copied.Body = []byte("7-order")
		s.again(copied, way{}, "order-7 was done, and was sent again with another body, by a sender that was updated meanwhile")
	})
}

func TestNoIDIsAnError(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	m.ID = ""
	for range 2 {
		before := "a message without an ID came"
		c, err := s.apply(m, way{}, before)
		claim := lab.Claim{
			Want: "an error, and effect is not called",
			Why: "nobody can tell a copy of it from a new message: either copies are done again, or all but the first are acked " +
				"and gone",
			Wire: steps(s.db),
			Read: read,
		}
		claim.Saw = fmt.Sprintf("%s; Apply returned %t, nil", before, c.done)
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("%s; Apply returned %t, %v, and called effect %d times", before, c.done, err, c.effects.Load())
		s.lab.Check(!c.done && c.effects.Load() == 0, claim)
	}
}

func TestFailedEffectStoresNothing(t *testing.T) {
	for name, fails := range map[string]func(ctx context.Context, tx *sql.Tx) error{
		"an error of its own": func(context.Context, *sql.Tx) error { return errors.New("the warehouse is closed") },
		"sql.ErrNoRows, since there is no such parcel": func(ctx context.Context, tx *sql.Tx) error {
			var id string
			return tx.QueryRowContext(ctx, "SELECT id FROM parcels WHERE id = 'parcel-0'").Scan(&id)
		},
		"a unique constraint of its own table": func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO parcels VALUES ('parcel-1')")
			return err
		},
		"the end of a deadline of its own": func(context.Context, *sql.Tx) error { return context.DeadlineExceeded },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.exec("CREATE TABLE parcels (id TEXT PRIMARY KEY)")
			s.exec("INSERT INTO parcels VALUES ('parcel-1')")
			m := s.message("order-7")
			before := "effect reserved a teapot and failed with " + name
			var fault error // what effect failed with
			c, err := s.apply(m, way{effect: func(ctx context.Context, tx *sql.Tx) error {
				if fault = reserve(m)(ctx, tx); fault == nil {
					fault = fails(ctx, tx)
				}
				return fault
			}}, before)

			claim := lab.Claim{
				Saw:  fmt.Sprintf("%s; Apply returned %t, %v", before, c.done, err),
				Want: "false, and an error that wraps effect's (%w)",
				Why:  "the consumer acks a message of which nothing was done: a paid order is gone",
				Wire: steps(s.db),
				Read: read,
			}
			s.lab.Error(err, claim)
			s.lab.Check(!c.done && errors.Is(err, fault), claim)
			s.stored("order-7", 0, lab.Claim{Saw: before, Why: "it comes again, and two teapots are reserved", Wire: steps(s.db)})
			s.must(m, way{}, before+"; then order-7 came again")
			s.stored("order-7", 1, lab.Claim{Saw: before + "; then it came again", Wire: steps(s.db)})
		})
	}
}

// The disk is full for a moment: at the first step, then at the second, up to the commit. The program lives on.
func TestFailedStepStoresNothing(t *testing.T) {
	s := newStage(t)
	for n := 1; ; n++ {
		order := fmt.Sprintf("order-%d", n)
		m := s.message(order)
		db := s.tap.Open()
		db.FailAt(n, errors.New("database or disk is full"))
		c, err := s.apply(m, way{db: db}, order+" came")
		told := db.Steps()
		if len(told) < n {
			return // nothing has failed
		}
		before := fmt.Sprintf("%s came, and step %d failed (%s)", order, n, told[n-1])
		claim := lab.Claim{
			Saw:  fmt.Sprintf("%s; Apply returned %t, %v", before, c.done, err),
			Want: "false, and an error",
			Why:  "the consumer acks a message of which nothing was done: a paid order is gone",
			Wire: steps(db),
			Read: read,
		}
		s.lab.Error(err, claim)
		s.lab.Check(!c.done, claim)
		s.stored(order, 0, lab.Claim{Saw: before, Why: "it comes again, and two teapots are reserved", Wire: steps(db)})
		s.must(m, way{db: db}, before+"; then it came again")
		s.stored(order, 1, lab.Claim{Saw: before + "; then it came again", Wire: steps(db)})
	}
}

func TestPanicStoresNothing(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	before := "effect reserved a teapot and panicked"
	done, panicked := false, true
	err := s.lab.Do("Apply", func(context.Context) (err error) {
		defer func() { _ = recover() }()
		done, err = idempotent.Apply(s.ctx, s.db.DB, m, noon, func(ctx context.Context, tx *sql.Tx) error {
			if err := reserve(m)(ctx, tx); err != nil {
				return err
			}
			panic("index out of range")
		})
		panicked = false
		return err
	})
	s.lab.Check(panicked || err != nil && !done, lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned %t, %v", before, done, err),
		Want: "the panic goes on, or Apply returns false and an error",
		Why:  "the consumer acks a message of which nothing was done: a paid order is gone",
		Wire: steps(s.db),
		Read: read,
	})
	s.nothingOpen(s.db, before)
	s.stored("order-7", 0, lab.Claim{Saw: before, Wire: steps(s.db)})
	s.must(m, way{}, before+"; then order-7 came again")
}

func TestSetupAgainChangesNothing(t *testing.T) {
	s := newStage(t)
	s.must(s.message("order-7"), way{}, "order-7 came")
	s.db = s.tap.Open()
	s.mustSetup()
	s.mustSetup()
	s.again(s.message("order-7"), way{}, "order-7 was done, the program was started again and called Setup, and order-7 came again")
}

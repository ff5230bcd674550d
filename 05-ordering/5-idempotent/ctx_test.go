package idempotent_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"warren.example/workshop/lab"
)

func TestEndedCtxDoesNothing(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	s.notBegun(s.start(s.message("order-7"), way{ctx: ctx}), "ctx had ended before Apply was called")
}

// Another program writes, and takes its time. Meanwhile the service is told to stop.
func TestEndOfCtxWhileItWaitsDoesNothing(t *testing.T) {
	s := newStage(t)
	other, err := s.own.Begin()
	if err != nil {
		s.lab.Failf("begin: %v", err)
	}
	defer other.Rollback()
	ctx, cancel := context.WithCancel(s.ctx)
	c := s.start(s.message("order-7"), way{ctx: ctx})
	s.lab.Soon(func() bool { return s.tap.Waiting() > 0 || !c.Running() })

	cancel()
	_ = other.Rollback() // SQLite has who waits wait on, whatever becomes of its ctx

	s.notBegun(c, "another program was writing when ctx ended")
}

// notBegun claims that a call returns an error, and has not called its effect.
func (s *stage) notBegun(c *call, before string) {
	err := s.result(c, before)
	claim := lab.Claim{
		Want: "false, an error, and effect is not called",
		Why:  "the program is told to stop, works on, and is killed in the middle of something",
		Wire: steps(s.db),
		Read: read,
	}
	claim.Saw = fmt.Sprintf("%s; Apply returned %t, %v", before, c.done, err)
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("%s; Apply returned %t, %v, and called effect %d times", before, c.done, err, c.effects.Load())
	s.lab.Check(!c.done && c.effects.Load() == 0, claim)
}

func TestEffectLearnsOfTheEndOfCtx(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	ctx, cancel := context.WithCancel(s.ctx)
	begun := make(chan struct{})
	c := s.start(m, way{ctx: ctx, effect: func(ctx context.Context, tx *sql.Tx) error {
		err := reserve(m)(ctx, tx)
		if err != nil {
			return err
		}
		close(begun)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done(): // the test is over
			return nil
		}
	}})
	s.lab.Soon(func() bool { return isClosed(begun) || !c.Running() })
	cancel()
	before := "effect was at work when ctx ended"
	err := c.WaitOr(lab.Claim{
		Saw:  before + ", and its own ctx has not ended",
		Want: "effect gets ctx, or one that ends with it",
		Why:  "effect waits for something that nobody waits for any more, and holds the one right to write meanwhile",
		Wire: steps(s.db),
		Read: read,
	})
	s.lab.Error(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and returned ctx's error; Apply returned %t, nil", before, c.done),
		Want: "an error",
		Wire: steps(s.db),
		Read: read,
	})
	s.stored("order-7", 0, lab.Claim{Saw: before + ", and returned ctx's error", Wire: steps(s.db)})
	s.lab.Soon(func() bool { return s.db.Stats().InUse == 0 })
	s.must(m, way{}, before+"; then order-7 came again")
}

// Effect has done its work, and then ctx ends. database/sql rolls back what was begun with ctx, and says so at the commit only.
func TestTrueMeansCommitted(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	ctx, cancel := context.WithCancel(s.ctx)
	c := s.start(m, way{ctx: ctx, effect: func(ctx context.Context, tx *sql.Tx) error {
		err := reserve(m)(ctx, tx)
		cancel()
		return err
	}})
	before := "ctx ended when effect had done its work"
	err := s.result(c, before)
	s.lab.Finished(err)
	s.lab.Soon(func() bool { return s.db.Stats().InUse == 0 }) // database/sql rolls back on a goroutine of its own
	n := s.reserved("order-7")
	s.lab.Check(c.done == (n == 1) && c.done == (err == nil), lab.Claim{
		Saw:  fmt.Sprintf("%s; Apply returned %t, %v, and order-7 is reserved %d times", before, c.done, err, n),
		Want: "true, nil if it is committed, else false and an error",
		Why:  "the consumer acks a message of which nothing was done: a paid order is gone",
		Wire: steps(s.db),
		Read: read,
	})
	s.nothingOpen(s.db, before)
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package stale_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"warren.example/05-ordering/3-stale"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/sqltap"
)

// Another program stores a change while Apply stands before its first step, then before its second, and so on. The other one
// comes in between, or has to wait until Apply is done.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, start := range []int64{0, 1} { // with no row, and with one
		mine := lamp(start+2, 2499)
		for _, other := range []stale.Change{
			lamp(start+3, 2999), lamp(start+1, 1999), mine, gone(start + 3), gone(start + 1),
		} {
			for n, again := 1, true; again; n++ {
				sku := fmt.Sprintf("lamp-%d-%d-%v-%d", start, other.Version, other.Deleted, n)
				mine.SKU, other.SKU = sku, sku
				if start == 1 {
					c := lamp(1, 1799)
					c.SKU = sku
					s.put(c)
				}
				again = s.twoAtOnce(mine, other, n)
			}
		}
	}
}

// twoAtOnce applies mine, and stores other when Apply stands before its nth step. It is false if Apply has fewer steps.
func (s *stage) twoAtOnce(mine, other stale.Change, n int) bool {
	program := s.tap.Open()
	hold := program.HoldAt(n)
	defer hold.Release()
	var applied bool
	call := s.lab.Go("Apply", func(context.Context) (err error) {
		applied, err = stale.Apply(s.ctx, program.DB, mine)
		return err
	})
	s.lab.Soon(func() bool { return hold.Reached() || !call.Running() || s.tap.Waiting() > 0 })
	s.nobodyWaits(program, mine)
	done := program.Steps()
	held := hold.Reached()
	first := s.row(mine.SKU) == rowOf(mine) // Apply has stored it already

	stored := s.exec(store, values(other)...)
	s.lab.Soon(func() bool { return len(stored) == 1 || s.tap.Waiting() > 0 })
	first = first || len(stored) == 0 // the other one has to wait for it
	hold.Release()
	err := call.WaitOr(lab.Claim{Want: "it goes on: the other is done, or waits for it", Wire: steps(program.Steps()), Read: read})
	s.wire = steps(program.Steps())
	s.done(stored, store)

	newest := mine
	if other.Version > mine.Version {
		newest = other
	}
	story := fmt.Sprintf("Apply began with %s; before its step %d another program came with %s", text(mine), n, text(other))
	claim := lab.Claim{Read: read, Wire: s.wire}
	if held && len(done) > 0 {
		claim.Wire = steps(done[:len(done)-1]) + " ← the other program · " + steps(program.Steps()[len(done)-1:])
	}
	claim.Saw = fmt.Sprintf("%s: Apply returned the error %v", story, err)
	claim.Want = "no error: who comes second sees what the first has stored"
	claim.Why = "with each consumer more, more messages fail and are tried again, though nothing is wrong with them"
	s.lab.NoError(err, claim)
	claim.Saw = fmt.Sprintf("%s. The table has %s", story, s.row(mine.SKU))
	claim.Want = "it has " + rowOf(newest).String() + ", whoever comes first"
	claim.Why = "what Apply has read is not true any more when it writes: a new price is lost, and no log says so"
	s.lab.Check(s.row(mine.SKU) == rowOf(newest), claim)
	want := first || mine.Version > other.Version
	claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v", story, applied)
	claim.Want = fmt.Sprintf("applied=%v", want)
	claim.Why = "two consumers both say that they have changed the price, or none does"
	s.lab.Check(applied == want, claim)
	_ = program.Close()
	return held
}

func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := 0
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		for _, old := range []stale.Change{{}, lamp(1, 1999), gone(1)} {
			for _, c := range []stale.Change{lamp(3, 2499), gone(3)} {
				for db := range s.tap.Sweep(t, when) {
					n++
					c.SKU = fmt.Sprintf("lamp-%d", n)
					if old.Version > 0 {
						old.SKU = c.SKU
						s.put(old)
					}
					s.crash(db, old, c)
				}
			}
		}
	}
}

// crash applies c in a program that will crash, and once more after its restart.
func (s *stage) crash(db *sqltap.Program, old, c stale.Change) {
	applied, err := s.apply(db, c)
	story := fmt.Sprintf("the table had %s; Apply was called with %s, and its program %s", rowOf(old), text(c), db)
	claim := lab.Claim{Wire: s.wire, Read: read}
	if !db.Crashed() {
		story = fmt.Sprintf("the table had %s; Apply was called with %s", rowOf(old), text(c))
		claim.Want = "no error: nothing is in the way"
		s.lab.NoError(err, claim)
	} else {
		claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and no error", story, applied)
		claim.Want = "an error: a step has failed, and nobody knows whether it was done"
		claim.Why = "the message is acked, and the price that it brought may be nowhere"
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and the error %v", story, applied, err)
		claim.Want = "applied=false"
		s.lab.Check(!applied, claim)
	}
	left := s.row(c.SKU)
	claim.Saw = fmt.Sprintf("%s. The table has %s", story, left)
	claim.Want = fmt.Sprintf("it has %s, or %s: one or the other, and nothing between", rowOf(old), rowOf(c))
	claim.Why = "price and version belong to different changes: the right price, when it comes again, is thrown away as known"
	s.lab.Check(left == rowOf(old) || left == rowOf(c), claim)

	story += "; then a program that was started after it got it once more"
	s.again(s.program, story, c, c)
}

// again applies c, which comes once more because Apply returned an error.
func (s *stage) again(db *sqltap.Program, story string, c, newest stale.Change) {
	left := s.row(c.SKU)
	applied, err := s.apply(db, c)
	claim := lab.Claim{Wire: s.wire, Read: read}
	claim.Saw = fmt.Sprintf("%s: the error %v", story, err)
	claim.Want = "no error: it is stored, or known"
	claim.Why = "what was not acked comes again, and fails for ever"
	s.lab.NoError(err, claim)
	claim.Saw = fmt.Sprintf("%s: the table has %s", story, s.row(c.SKU))
	claim.Want = "it has " + rowOf(newest).String()
	claim.Why = "the change that failed is lost, though it came again"
	s.lab.Check(s.row(c.SKU) == rowOf(newest), claim)
	claim.Saw = fmt.Sprintf("%s: it found %s, and returned applied=%v", story, left, applied)
	claim.Want = fmt.Sprintf("applied=%v", left != rowOf(newest))
	claim.Why = "who is told by applied that the price has changed is told twice, or never"
	s.lab.Check(applied == (left != rowOf(newest)), claim)
}

var errDisk = errors.New("the disk is full")

// The database fails at one step, then at the next, and the program lives on.
func TestFailureIsTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, old := range []stale.Change{{}, lamp(2, 1999), gone(2)} {
		for _, c := range []stale.Change{lamp(1, 1799), lamp(2, 1799), lamp(3, 2499), gone(1), gone(3)} {
			for n, again := 1, true; again; n++ {
				c.SKU = fmt.Sprintf("lamp-%d-%v-%d-%v-%d", old.Version, old.Deleted, c.Version, c.Deleted, n)
				if old.Version > 0 {
					old.SKU = c.SKU
					s.put(old)
				}
				again = s.failure(old, c, n)
			}
		}
	}
}

// failure applies c where the nth step fails, and claims that nobody is told what isn't true. It is false if there are fewer steps.
func (s *stage) failure(old, c stale.Change, n int) bool {
	program := s.tap.Open()
	defer program.Close()
	program.FailAt(n, errDisk)
	applied, err := s.apply(program, c)
	story := fmt.Sprintf("the table had %s; Apply was called with %s", rowOf(old), text(c))
	claim := lab.Claim{Wire: s.wire, Read: read}
	all := program.Steps()
	if len(all) < n {
		claim.Want = "no error: nothing is in the way"
		s.lab.NoError(err, claim)
		return false
	}
	story += fmt.Sprintf(", and its step %d (%s) failed", n, steps(all[n-1:n]))
	newest := old
	if c.Version > old.Version {
		newest = c
	}
	left := s.row(c.SKU)
	claim.Why = "the message is acked, and the price that it brought is nowhere, or an old one is back"
	if err == nil {
		claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and no error. The table has %s", story, applied, left)
		claim.Want = fmt.Sprintf("an error, or the truth all the same: applied=%v, and it has %s", newest == c, rowOf(newest))
		s.lab.Check(left == rowOf(newest) && applied == (newest == c), claim)
	}
	claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and the error %v. The table has %s", story, applied, err, left)
	claim.Want = fmt.Sprintf("applied=false, and the table has %s, or %s", rowOf(old), rowOf(newest))
	s.lab.Check(err == nil || !applied && (left == rowOf(old) || left == rowOf(newest)), claim)
	s.nothingInUse(program, story)
	s.again(program, story+"; then the same program got it once more", c, newest)
	return true
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	for _, old := range []stale.Change{{}, lamp(1, 1999)} {
		s := newStage(t)
		if old.Version > 0 {
			s.put(old)
		}
		judge := func(when string, applied bool, err error) {
			claim := lab.Claim{
				Want: "an error, and applied=false",
				Why:  "the service was told to stop: it acks what it hasn't stored, or it hangs until it is killed",
				Wire: steps(s.program.Steps()),
				Read: read,
			}
			claim.Saw = fmt.Sprintf("%s, and Apply returned applied=%v and no error", when, applied)
			s.lab.Error(err, claim)
			claim.Saw = fmt.Sprintf("%s, and Apply returned applied=%v and the error %v", when, applied, err)
			s.lab.Check(!applied, claim)
			claim.Saw, claim.Want = fmt.Sprintf("%s. The table has %s", when, s.row("lamp")), "it has "+rowOf(old).String()
			s.lab.Check(s.row("lamp") == rowOf(old), claim)
			s.nothingInUse(s.program, when)
		}

		ended, end := context.WithCancel(s.ctx)
		end()
		var applied bool
		err := s.lab.Do("Apply", func(context.Context) (err error) {
			applied, err = stale.Apply(ended, s.program.DB, lamp(2, 2499))
			return err
		})
		judge("ctx had ended", applied, err)
		s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
			Saw:  fmt.Sprintf("ctx had ended, and Apply returned the error %v", err),
			Want: "an error that wraps ctx's",
			Why:  "the caller takes it for a failure of the database, and tells somebody at night that a service was stopped",
			Wire: s.wire,
			Read: read,
		})

		tx, err := s.other.Begin() // a long one of another program
		if err != nil {
			s.lab.Failf("begin: %v", err)
		}
		call := s.lab.Go("Apply", func(ctx context.Context) (err error) {
			applied, err = stale.Apply(ctx, s.program.DB, lamp(2, 2499))
			return err
		})
		s.lab.Soon(func() bool { return s.tap.Waiting() > 0 || !call.Running() })
		call.Stop()
		when := "ctx ended while Apply waited for another program's transaction"
		err = call.WaitOr(lab.Claim{
			Saw:  when + ", and Apply does not return",
			Want: "the database was told to stop waiting: an error",
			Why:  "the service was told to stop, and hangs until it is killed",
			Wire: steps(s.program.Steps()),
			Read: read,
		})
		s.wire = steps(s.program.Steps())
		s.lab.Finished(err)
		s.nothingInUse(s.program, when+", which still goes on")
		if err := tx.Rollback(); err != nil {
			s.lab.Failf("roll back: %v", err)
		}
		judge(when, applied, err)
	}
}

func TestNothingStaysInUse(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.program.SetMaxOpenConns(1)
	for _, c := range []struct {
		what   string
		change stale.Change
	}{
		{"the change was stored", lamp(2, 2499)}, {"a newer one was stored", lamp(3, 2599)}, {"it was known", lamp(3, 2599)},
		{"it was old", lamp(1, 1999)}, {"it was bad", lamp(-1, 1999)}, {"it was a deletion", gone(4)},
		{"it was an old deletion", gone(2)},
	} {
		_, err := s.apply(s.program, c.change)
		s.lab.Finished(err)
		s.nothingInUse(s.program, c.what)
	}
}

// nothingInUse claims that db is open and that nothing of it is in use.
func (s *stage) nothingInUse(db *sqltap.Program, when string) {
	claim := lab.Claim{
		Want: "none: each transaction ends, by commit or rollback, before Apply returns; and db stays open",
		Why:  whyOpen,
		Wire: s.wire,
		Read: read,
	}
	claim.Saw = fmt.Sprintf("%s, and connections of db that Apply left in use: %d", when, db.Stats().InUse)
	s.lab.Check(db.Stats().InUse == 0, claim)
	err := db.Ping()
	claim.Saw = fmt.Sprintf("%s, and db doesn't answer any more: %v", when, err)
	s.lab.Check(err == nil, claim)
}

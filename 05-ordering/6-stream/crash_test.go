package stream_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/6-stream"
	"warren.example/05-ordering/database"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
	"warren.example/workshop/lab/sqltap"
	"warren.example/workshop/tap"
)

// The database dies between any two steps; the connection to RabbitMQ lives. Nothing leaves a stream, so each program is a reader
// of its own on the same one.
func TestCrashAtEveryStepOfTheDatabase(t *testing.T) {
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		t.Run(when.String()+" a step", func(t *testing.T) {
			s := newStage(t)
			s.put(orders(1, 3)...)
			n := 0
			for db := range s.tap.Sweep(t, when) {
				n++
				reader := fmt.Sprintf("auditor-%d", n)
				call := s.follow(s.lab.Dial(), db, reader)
				s.until(call, reader, 3)
				s.broken(call, reader, "the program "+db.String(), false, lab.Claim{Wire: steps(db)})

				story := fmt.Sprintf("the program %s, and was started again", db)
				s.caughtUp(reader, story, 3)
				s.has(reader, story, orders(1, 3), lab.Claim{Wire: steps(db)})
			}
		})
	}
	t.Run("a step fails", func(t *testing.T) {
		s := newStage(t)
		s.put(orders(1, 3)...)
		for n, over := 1, false; !over; n++ {
			reader, db := fmt.Sprintf("auditor-%d", n), s.tap.Open()
			db.FailAt(n, errors.New("the disk of the books is full"))
			call := s.follow(s.lab.Dial(), db, reader)
			s.until(call, reader, 3)
			over = len(db.Steps()) < n
			story := fmt.Sprintf("step %d of the database failed", n)
			s.broken(call, reader, story, !over, lab.Claim{Wire: steps(db)})

			s.caughtUp(reader, story, 3)
			s.has(reader, story+". It was started again", orders(1, 3), lab.Claim{Wire: steps(db)})
		}
	})
}

// broken ends a Follow that may have lost something, and claims that it has noticed if it must: because it was told, or because
// entries are left.
func (s *stage) broken(call *lab.Call, reader, story string, must bool, c lab.Claim) {
	ended := !call.Running()
	call.Stop()
	c.Saw = story + ", and Follow does not return"
	c.Want = "an error: something is lost"
	c.Why = "nobody starts it again, and the books stand still or have a hole"
	c.Read = read
	err := call.WaitOr(c)
	s.lab.Finished(err)
	if got := len(s.effects(reader)); must || got < 3 {
		c.Saw = fmt.Sprintf("%s. %d of three entries were applied, and Follow goes on", story, got)
		s.lab.Check(ended, c)
		c.Saw = fmt.Sprintf("%s. %d of three entries were applied, and Follow returned nil", story, got)
		s.lab.Error(err, c)
	}
}

// The connection to RabbitMQ is cut at each method; the database lives.
func TestCutAtEveryMethod(t *testing.T) {
	for _, from := range []tap.Side{tap.Client, tap.Broker} {
		for _, when := range []tap.When{tap.Before, tap.After} {
			t.Run(fmt.Sprintf("%s a unit from %s", when, from), func(t *testing.T) {
				s := newStage(t)
				s.put(orders(1, 3)...)
				for step := range s.lab.Sweep(tap.Filter{From: from}, when) {
					reader := step.Name(auditor)
					conn, db := s.lab.Dial(), s.tap.Open()
					step.Begin()
					call := s.follow(conn, db, reader)
					s.until(call, reader, 3)
					s.broken(call, reader, step.String(), false, lab.Claim{Wire: step.Wire()})
					step.End()

					story := fmt.Sprintf("%s, and the program was started again", step)
					s.caughtUp(reader, story, 3)
					s.has(reader, story, orders(1, 3), lab.Claim{Wire: step.Wire()})
				}
			})
		}
	}
}

// Two processes follow as the same reader: a new version was started before the old one had ended. The first is held before each
// of its steps in turn, until the second is through, or has to wait for the first.
func TestTwoProcessesAreOneReader(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 3)...)
	for n := 1; ; n++ {
		reader := fmt.Sprintf("auditor-%d", n)
		held, other := s.tap.Open(), s.tap.Open()
		hold := held.HoldAt(n)
		first := s.follow(s.conn, held, reader)
		s.lab.Soon(func() bool { return hold.Reached() || !first.Running() || len(s.effects(reader)) >= 3 })
		over := !hold.Reached()
		second := s.follow(s.lab.Dial(), other, reader)
		s.lab.Soon(func() bool { return !second.Running() || s.tap.Waiting() > 0 || len(s.effects(reader)) >= 3 })
		hold.Release()
		s.until(first, reader, 3)
		s.lab.Settle()

		story := fmt.Sprintf("two processes follow as one reader; the first was held before its step %d", n)
		s.has(reader, story, orders(1, 3), lab.Claim{Wire: "first: " + steps(held) + " — second: " + steps(other)})
		second.Stop()
		s.lab.NoError(second.Wait(), lab.Claim{
			Want: "nil: what the other process has done is no failure", Wire: steps(other), Read: read,
		})
		s.stop(first, story)
		if over {
			return
		}
	}
}

// Two processes follow as one reader, and one of them is far behind. Then the other ends, and it is the turn of the first.
func TestSlowProcessTakesOver(t *testing.T) {
	const all, batch = 250, 50
	s := newStage(t)
	for n := 0; n < all; n += batch {
		s.lab.Publish(stream.Log, orders(n+1, n+batch)...)
	}
	apply := func(tx *sql.Tx, e stream.Entry) error { return record(auditor)(tx, stream.Entry{ID: string(e.Body)}) }
	hold := s.db.HoldAt(2)
	slow := s.followWith(s.conn, s.db, auditor, apply)
	s.lab.Soon(func() bool { return hold.Reached() || !slow.Running() })
	quick := s.followWith(s.lab.Dial(), s.tap.Open(), auditor, apply)
	s.lab.Soon(func() bool { return !quick.Running() || s.tap.Waiting() > 0 || len(s.effects(auditor)) >= all })
	hold.Release()
	s.until(quick, auditor, all)
	quick.Stop()
	s.lab.NoError(quick.Wait(), lab.Claim{Want: "nil: it was asked to stop", Wire: s.story(), Read: read})
	s.lab.Publish(stream.Log, fmt.Sprintf("order-%d", all+1))
	s.until(slow, auditor, all+1)
	story := fmt.Sprintf("two processes follow as one reader; one has applied %d orders, and ended; then one more came", all)
	s.has(auditor, story, orders(1, all+1), lab.Claim{})
	s.stop(slow, story)
}

const envPath = "WARREN_STREAM_DATABASE"

func TestMain(m *testing.M) { child.Main(m, beChild) }

// beChild is the auditor, in a process that is killed. It writes order-2, and hangs.
func beChild(ctx context.Context, url string) error {
	db, err := database.Open(os.Getenv(envPath))
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	return stream.Follow(ctx, conn, db, auditor, func(tx *sql.Tx, e stream.Entry) error {
		if err := record(auditor)(tx, e); err != nil {
			return err
		}
		if e.ID == "order-2" {
			fmt.Println(e.ID)
			<-ctx.Done()
		}
		return nil
	})
}

func TestKilledProcessAppliesItOnce(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 3)...)
	c := child.Start(t, s.lab, envPath+"="+s.path)
	s.lab.Soon(func() bool { return len(c.Said()) > 0 || c.Gone() })
	c.Said() // work that is not done ends the test here
	err, over := c.Ended()
	s.lab.Check(!over, lab.Claim{
		Saw:  "Follow, in a process of its own, has ended with the error: " + err,
		Want: "it works until it is killed",
		Read: read,
	})
	story := "the process was killed when it had applied order-1, and was at work on order-2"
	c.Kill()

	s.has(auditor, story, orders(1, 1), lab.Claim{})
	s.caughtUp(auditor, story, 3)
	s.has(auditor, story+". It was started again", orders(1, 3), lab.Claim{})
}

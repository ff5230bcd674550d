package idempotent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"warren.example/05-ordering/5-idempotent"
	"warren.example/workshop/lab"
)

// forget calls Forget, in a program of its own as a job of the night is, and claims that it forgets n.
func (s *stage) forget(before time.Time, n int64, c lab.Claim) {
	job := s.tap.Open()
	var forgotten int64
	err := s.lab.Do("Forget", func(context.Context) (err error) {
		forgotten, err = idempotent.Forget(s.ctx, job.DB, before)
		return err
	})
	c.Wire, c.Read = steps(job), read
	saw := c.Saw
	c.Saw = fmt.Sprintf("%s; Forget of what was done before %v returned an error: %v", saw, before, err)
	s.lab.NoError(err, c)
	c.Saw = fmt.Sprintf("%s; Forget of what was done before %v returned %d", saw, before, forgotten)
	if c.Want == "" {
		c.Want = fmt.Sprintf("%d", n)
	}
	s.lab.Check(forgotten == n, c)
	s.nothingOpen(job, saw+"; Forget returned")
}

// The service runs in Berlin, then in New York, then with UTC. A moment is the same moment everywhere.
func TestForgetTakesOutWhatIsOld(t *testing.T) {
	s := newStage(t)
	s.forget(noon, 0, lab.Claim{Saw: "nothing was done yet"})
	limit := noon.Add(17*time.Minute + 20*time.Second + 700*time.Millisecond)
	berlin, newYork := time.FixedZone("CET", 60*60), time.FixedZone("EST", -5*60*60)
	type done struct {
		order string
		at    time.Time
	}
	old := []done{
		{"order-1", limit.AddDate(0, -1, 0)},
		{"order-2", limit.Add(-30 * time.Minute).In(berlin)}, // 12:47:20 there
		{"order-3", limit.Add(-2 * time.Second).In(newYork)},
	}
	young := []done{
		{"order-4", limit},
		{"order-5", limit.Add(50 * time.Millisecond)},        // as text 12:17:20.75, and that is less than 12:17:20.7Z
		{"order-6", limit.Add(30 * time.Minute).In(newYork)}, // 7:47:20 there
		{"order-7", limit.AddDate(0, 1, 0).In(berlin)},
	}
	for _, d := range slices.Concat(young, old) { // their order is not the order of time
		s.must(s.message(d.order), way{now: d.at}, fmt.Sprintf("%s came at %v", d.order, d.at))
	}
	saw := "three orders were done before 12:17:20.7 (UTC), four then or later"
	s.forget(limit.In(newYork), 3, lab.Claim{
		Saw: saw, Why: "the marks of all orders that ever were fill the disk; or one is forgotten whose message can still come again",
	})
	const then = "%s was done at %v; what was done before 12:17:20.7 (UTC) was forgotten; it came again"
	for _, d := range young {
		s.again(s.message(d.order), way{now: limit}, fmt.Sprintf(then, d.order, d.at))
	}
	for _, d := range old {
		s.must(s.message(d.order), way{now: limit}, fmt.Sprintf(then, d.order, d.at))
		s.stored(d.order, 2, lab.Claim{Saw: d.order + " was done, forgotten, and done again", Wire: steps(s.db)})
	}
	s.forget(limit.Add(-time.Hour), 0, lab.Claim{Saw: "all that was done more than an hour earlier is forgotten already"})
	s.forget(limit.AddDate(1, 0, 0), 7, lab.Claim{Saw: "a year later seven orders are marked"})
	nothing := func(context.Context, *sql.Tx) error { return nil }
	s.must(s.message("order-4"), way{now: limit.AddDate(1, 0, 0), effect: nothing},
		"order-4 was done, came again, and was forgotten; it came once more")
}

// Nobody has called Forget for a year.
func TestForgetTakesOutAll(t *testing.T) {
	s := newStage(t)
	const all = 1001
	nothing := func(context.Context, *sql.Tx) error { return nil }
	for n := range all {
		err := s.lab.Do("Apply", func(context.Context) error {
			_, err := idempotent.Apply(s.ctx, s.db.DB, s.message(fmt.Sprintf("order-%d", n)), noon, nothing)
			return err
		})
		s.lab.NoError(err, lab.Claim{Want: "nil: it was not done before, and nothing stands in its way", Read: read})
	}
	s.forget(noon.AddDate(1, 0, 0), all, lab.Claim{
		Saw: fmt.Sprintf("%d orders were done a year ago", all), Why: "each night leaves some, and the table grows for ever",
	})
}

// A month ago order-7 was sent, and parked. Now a human has replayed it.
func TestForgetGoesByWhenItWasDone(t *testing.T) {
	s := newStage(t)
	m := s.message("order-7")
	m.Sent = noon.AddDate(0, -1, 0)
	s.must(m, way{now: noon}, "order-7 was sent a month ago, and came now")
	saw := "order-7 was sent a month ago, and done a minute ago"
	week := 7 * 24 * time.Hour
	s.forget(noon.Add(time.Minute-week), 0, lab.Claim{
		Saw:  saw,
		Want: "0: what counts is when it was done",
		Why:  "who replays dead letters presses the button twice, and the second time reserves once more what has just been reserved",
	})
	s.again(m, way{now: noon.Add(time.Minute)}, saw+"; what was done more than a week ago was forgotten; order-7 came again")

	s.again(m, way{now: noon.AddDate(1, 0, 0)}, "order-7 was done, and came again a year later")
	s.forget(noon.Add(time.Hour), 1, lab.Claim{
		Saw:  "order-7 was done, and came once more a year later",
		Want: "1: what counts is when it was done",
		Why:  "the table grows by what comes again and again, for ever",
	})
}

// The disk is full for a moment: at the first step, then at the second, up to the last.
func TestSetupAndForgetTellWhatFailed(t *testing.T) {
	for name, f := range map[string]func(ctx context.Context, db *sql.DB) error{
		"Setup": idempotent.Setup,
		"Forget": func(ctx context.Context, db *sql.DB) error {
			_, err := idempotent.Forget(ctx, db, noon)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			for n := 1; ; n++ {
				db := s.tap.Open()
				db.FailAt(n, errors.New("database or disk is full"))
				err := s.lab.Do(name, func(context.Context) error { return f(s.ctx, db.DB) })
				told := db.Steps()
				if len(told) < n {
					return // nothing has failed
				}
				s.lab.Error(err, lab.Claim{
					Saw:  fmt.Sprintf("step %d of %s failed (%s), and it returned nil", n, name, told[n-1]),
					Want: "an error",
					Why:  "a service starts without its table; or it forgets nothing, and nobody is told until the disk is full",
					Wire: steps(db),
					Read: read,
				})
				s.nothingOpen(db, fmt.Sprintf("step %d of %s failed (%s)", n, name, told[n-1]))
			}
		})
	}
}

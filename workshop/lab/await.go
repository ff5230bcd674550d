package lab

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"warren.example/workshop/tap"
)

const (
	defaultDeadline = 5 * time.Second  // for what the learner's code is to do
	brokerDeadline  = 20 * time.Second // for the broker's answers to the lab: it may have much to do, and that is nobody's fault
	firstPoll       = time.Millisecond
	lastPoll        = 25 * time.Millisecond
)

// givenPatience is what WORKSHOP_PATIENCE says: 1 unless it is a number above zero.
var givenPatience = sync.OnceValue(func() float64 {
	factor, err := strconv.ParseFloat(os.Getenv("WORKSHOP_PATIENCE"), 64)
	if err != nil || factor <= 0 {
		return 1
	}
	return factor
})

// Patience returns d times WORKSHOP_PATIENCE: for deadlines of a test's own.
func (l *Lab) Patience(d time.Duration) time.Duration {
	return time.Duration(float64(d) * l.patience)
}

// Soon tells whether cond comes to hold within the deadline. It asks again and again on the test's goroutine, so cond
// may ask for facts. A claim that fails after a Soon that did not come also says what the learner's functions are
// doing:
//
//	l.Check(l.Soon(func() bool { return l.Depth("orders") == 0 }), lab.Claim{…})
func (l *Lab) Soon(cond func() bool) bool {
	l.t.Helper()
	came := l.poll(l.Patience(defaultDeadline), cond)
	l.isLate.Store(!came)
	return came
}

// Await waits until cond holds, and ends the test if it doesn't within the deadline. What names the condition, in
// words that follow "waited for": "two consumers". It is for steps of the test that are no claims.
func (l *Lab) Await(what string, cond func() bool) {
	l.t.Helper()
	if l.Soon(cond) {
		return
	}
	l.Fail(Claim{
		Saw:  fmt.Sprintf("waited %s for %s: nothing came of it", l.Patience(defaultDeadline), what),
		Want: what,
	})
}

// poll asks cond until it holds or the time is over. Trouble ends the test at once.
func (l *Lab) poll(limit time.Duration, cond func() bool) bool {
	l.t.Helper()
	deadline := time.Now().Add(limit)
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		l.look()
		if cond() {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
		<-time.After(pause)
	}
}

// WaitFor waits until n events of the recording match the filter (past ones count) and returns them. It ends the test
// if they don't come within the deadline.
func (l *Lab) WaitFor(f tap.Filter, n int) []tap.Event {
	l.t.Helper()
	return l.Expect(f, n, Claim{})
}

// Expect is WaitFor with a claim of the test's own for the case that the events don't come.
func (l *Lab) Expect(f tap.Filter, n int, c Claim) []tap.Event {
	l.t.Helper()
	l.look()
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(defaultDeadline))
	defer cancel()
	go func() {
		select {
		case <-l.troubled:
			cancel()
		case <-ctx.Done():
		}
	}()
	events, err := l.Tap.Recording().Wait(ctx, f, n)
	if err == nil {
		return events
	}
	if c.Saw == "" {
		c.Saw = fmt.Sprintf("%d %s within %s", l.Tap.Recording().Count(f), describe(f), l.Patience(defaultDeadline))
	}
	if c.Want == "" {
		c.Want = fmt.Sprintf("%d %s", n, describe(f))
	}
	l.isLate.Store(true)
	l.Fail(c)
	return nil
}

// describe says in words what a filter asks for.
func describe(f tap.Filter) string {
	what := f.Method
	if what == "" {
		what = "events"
	}
	switch f.From {
	case tap.Client:
		return what + " from you"
	case tap.Broker:
		return what + " from the broker"
	}
	return what
}

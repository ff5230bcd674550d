package lab_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
	"warren.example/workshop/todo"
)

// A story is a test of a chapter, run inside a test: what the lab must make of it.
type story struct {
	test func(l *lab.Lab)
	says []string // what the failure says; none: the test passes
}

// tell runs stories, side by side.
func tell(t *testing.T, stories map[string]story) {
	t.Helper()
	tellIn(t, lab.New, stories)
}

// tellHurried is tell for stories in which something doesn't come.
func tellHurried(t *testing.T, stories map[string]story) {
	t.Helper()
	tellIn(t, hurried, stories)
}

func hurried(t testing.TB) *lab.Lab {
	l := lab.New(t)
	l.Hurry()
	return l
}

func tellIn(t *testing.T, make func(testing.TB) *lab.Lab, stories map[string]story) {
	t.Helper()
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := judge(t, func(t testing.TB) { s.test(make(t)) })
			if len(s.says) == 0 {
				require.False(t, f.Failed(), f.said())
				require.Empty(t, f.said())
				return
			}
			require.True(t, f.Failed(), "the test is green; it said: %s", f.said())
			for _, text := range s.says {
				require.Contains(t, f.said(), text)
			}
		})
	}
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func untilStopped(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestEveryClaimLooksForUnfinishedWorkFirst(t *testing.T) {
	t.Parallel()
	unfinished := todo.New("77/7")
	begun := func(l *lab.Lab) { l.Go("Receive", returns(unfinished)) }
	over := func(l *lab.Lab) { <-l.Go("Receive", returns(unfinished)).Done() }
	for name, test := range map[string]func(l *lab.Lab){
		"Do":              func(l *lab.Lab) { l.Do("Send", returns(unfinished)) },
		"Finished":        func(l *lab.Lab) { l.Finished(unfinished) },
		"NoError":         func(l *lab.Lab) { l.NoError(unfinished, lab.Claim{}) },
		"Error":           func(l *lab.Lab) { l.Error(unfinished, lab.Claim{}) },
		"Stopped":         func(l *lab.Lab) { l.Go("Receive", returns(unfinished)).Stopped() },
		"Check":           func(l *lab.Lab) { over(l); l.Check(true, lab.Claim{}) },
		"Fail":            func(l *lab.Lab) { over(l); l.Fail(lab.Claim{Saw: "x"}) },
		"Failf":           func(l *lab.Lab) { over(l); l.Failf("x") },
		"a missing queue": func(l *lab.Lab) { over(l); l.Get("orders") },
		"Soon":            func(l *lab.Lab) { begun(l); l.Soon(func() bool { return false }) },
		"Await":           func(l *lab.Lab) { begun(l); l.Await("the end", func() bool { return false }) },
		"WaitFor":         func(l *lab.Lab) { begun(l); l.WaitFor(publish, 1) },
		"another's Wait": func(l *lab.Lab) {
			call := l.Go("Work", untilStopped)
			begun(l)
			call.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wentOn := false
			f := judge(t, func(t testing.TB) {
				l := lab.New(t)
				l.Insist() // no deadline ends these
				test(l)
				wentOn = true
			})
			require.True(t, f.Failed())
			require.Equal(t, "not done yet  77/7\n", f.said())
			require.False(t, wentOn, "the test went on")
		})
	}
	f := judge(t, func(t testing.TB) { begun(lab.New(t)) })
	require.True(t, f.Failed(), "nobody asks, and the test ends")
	require.Equal(t, "not done yet  77/7\n", f.said())
}

func TestAClaimThatHoldsIsSilent(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	tell(t, map[string]story{
		"Check":    {test: func(l *lab.Lab) { l.Check(true, lab.Claim{Saw: "x"}) }},
		"NoError":  {test: func(l *lab.Lab) { l.NoError(nil, lab.Claim{Saw: "x"}) }},
		"Error":    {test: func(l *lab.Lab) { l.Error(boom, lab.Claim{Saw: "x"}) }},
		"Finished": {test: func(l *lab.Lab) { l.Finished(boom) }},
		"Await":    {test: func(l *lab.Lab) { l.Await("x", func() bool { return true }) }},
		"Soon":     {test: func(l *lab.Lab) { l.Check(l.Soon(func() bool { return true }), lab.Claim{}) }},
		"nothing":  {test: func(l *lab.Lab) {}},
	})
}

func TestAClaimThatDoesNotHoldFails(t *testing.T) {
	t.Parallel()
	claim := lab.Claim{
		Saw: "one thing", Want: "another", Why: "because", Wire: "you→broker ack tag=1", Read: "README.md#x",
	}
	const says = "saw   one thing\nwant  another\nwhy   because\nwire  you→broker ack tag=1\nread  README.md#x\n"
	tell(t, map[string]story{
		"Fail":    {func(l *lab.Lab) { l.Fail(claim) }, []string{says}},
		"Check":   {func(l *lab.Lab) { l.Check(false, claim) }, []string{says}},
		"NoError": {func(l *lab.Lab) { l.NoError(errors.New("boom"), claim) }, []string{says}},
		"Error":   {func(l *lab.Lab) { l.Error(nil, claim) }, []string{says}},
		"NoError fills saw": {func(l *lab.Lab) { l.NoError(errors.New("boom"), lab.Claim{Want: "x"}) },
			[]string{"saw   an error: boom\nwant  x\n" +
				"wire  nothing was declared, published or consumed\nread  workshop/README.md\n"}},
		"Failf": {func(l *lab.Lab) { l.Failf("lab: %d", 7) }, []string{"lab: 7\n"}},
	})
}

func TestAFunctionsResultComesBack(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	tell(t, map[string]story{
		"Do":      {test: func(l *lab.Lab) { expect(l, l.Do("Send", returns(boom)), boom) }},
		"Do nil":  {test: func(l *lab.Lab) { expect(l, l.Do("Send", returns(nil)), nil) }},
		"Wait":    {test: func(l *lab.Lab) { expect(l, l.Go("Send", returns(boom)).Wait(), boom) }},
		"Stopped": {test: func(l *lab.Lab) { expect(l, l.Go("Receive", untilStopped).Stopped(), nil) }},
		"stopped at the end": {test: func(l *lab.Lab) {
			call := l.Go("Receive", untilStopped)
			l.Check(call.Running(), lab.Claim{Saw: "not running"})
		}},
	})
}

func expect(l *lab.Lab, got, want error) {
	l.Check(errors.Is(got, want), lab.Claim{Saw: "another error"})
}

func TestAPanicIsAFailureWithItsPlace(t *testing.T) {
	t.Parallel()
	panics := func(context.Context) error {
		var none map[string]int
		none["x"] = 1 //lint:ignore SA5000 the panic is the point
		return nil
	}
	says := []string{
		"saw   Send panicked: assignment to entry in nil map at claims_test.go:",
		"want  Send returns an error",
	}
	tell(t, map[string]story{
		"Do": {func(l *lab.Lab) { l.Do("Send", panics) }, says},
		"Go": {func(l *lab.Lab) { l.Go("Send", panics) }, says},
		"Go, after a crash": {func(l *lab.Lab) {
			l.Crash()
			<-l.Go("Send", panics).Done()
		}, says},
		"Go, and the test waits for something else": {func(l *lab.Lab) {
			l.Go("Send", panics)
			l.WaitFor(publish, 1)
		}, says},
	})
}

func TestAHandlerMayFailTheTest(t *testing.T) {
	t.Parallel()
	wentOn := false
	f := judge(t, func(t testing.TB) {
		l := lab.New(t)
		l.Do("Receive", func(context.Context) error {
			l.Fail(lab.Claim{Saw: "order-7 came twice"})
			return nil
		})
		wentOn = true
	})
	require.True(t, f.Failed())
	require.Contains(t, f.said(), "saw   order-7 came twice")
	require.False(t, wentOn, "the test went on")
}

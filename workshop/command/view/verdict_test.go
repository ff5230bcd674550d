package view_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/command/terminal"
	"warren.example/workshop/command/view"
	"warren.example/workshop/course"
	"warren.example/workshop/course/gotest"
)

var receive = course.Exercise{ID: "01/2", Chapter: "01-basics", Dir: "2-receive", File: "receive.go", Title: "receive", Minutes: 20}

func TestTheFirstFailureIsShownWholeOthersInALine(t *testing.T) {
	t.Parallel()
	claim := &gotest.Claim{
		Saw:  "order-7 was acked before its handler returned\nthe handler died; order-7 is gone",
		Want: "order-7 is still in inventory.commands and is delivered again",
		Why:  "an ack tells RabbitMQ to forget: a paid order is never packed",
		Wire: "broker→you deliver tag=7 · you→broker ack tag=7 ← handler still running",
		Read: "01-basics/README.md#ack",
	}
	verdict := course.Verdict{
		Broker: "RabbitMQ 4.0.5 (native)", Built: true, Vetted: true, End: gotest.Ended,
		Tests: []gotest.Test{
			{Name: "TestMessageArrives", Outcome: gotest.Pass},
			{Name: "TestCrashLosesNothing", Outcome: gotest.Fail, Claim: claim},
			{Name: "TestOneAtATime", Outcome: gotest.Fail, Claim: &gotest.Claim{Saw: "three at once", Want: "one"}},
			{Name: "TestEndsWithCtx", Outcome: gotest.Hang},
			{Name: "TestPaused", Outcome: gotest.Skip, Needs: `a broker with "breakable"`},
			{Name: "TestLost", Outcome: gotest.Panic, Text: "panic: nil map"},
		},
	}
	require.Equal(t, `
01/2 receive · 1 of 6 · red                           RabbitMQ 4.0.5 (native)
  ✓ TestMessageArrives
  ✗ TestCrashLosesNothing
      saw   order-7 was acked before its handler returned
            the handler died; order-7 is gone
      want  order-7 is still in inventory.commands and is delivered again
      why   an ack tells RabbitMQ to forget: a paid order is never packed
      wire  broker→you deliver tag=7 · you→broker ack tag=7 ← handler still
            running
      read  01-basics/README.md#ack
  ✗ TestOneAtATime          three at once
  ✗ TestEndsWithCtx         still running when the time was up
  - TestPaused              skipped: a broker with "breakable"
  ✗ TestLost                panic: nil map
  All of them whole: go test ./01-basics/2-receive
`, "\n"+view.Verdict(terminal.Style{Width: 77}, receive, verdict))
	require.Equal(t, "TestCrashLosesNothing", view.FirstFailed(verdict))
}

func TestNoLineIsWiderThanTheScreen(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 50)
	verdict := course.Verdict{
		Broker: "RabbitMQ 4.0.5 (native)", Built: true, Vetted: true, End: gotest.Ended,
		Tests: []gotest.Test{
			{Name: "TestFirst", Outcome: gotest.Fail, Claim: &gotest.Claim{Saw: long, Want: long, Why: long, Wire: long, Read: "x.md"}},
			{Name: "TestThatHasALongNameAsItSaysMuchAboutOneThing", Outcome: gotest.Fail, Text: long},
			{Name: "TestNotBegun", Outcome: gotest.Fail, NotDone: true, Place: "receive.go:24 TODO(01/2) " + long},
		},
	}
	for _, width := range []int{60, 80} {
		for _, line := range strings.Split(view.Verdict(terminal.Style{Width: width}, receive, verdict), "\n") {
			require.LessOrEqual(t, len([]rune(line)), width, line)
		}
	}
}

func TestUnfinishedWorkSaysWhereItBeginsOnce(t *testing.T) {
	t.Parallel()
	verdict := course.Verdict{Built: true, Vetted: true, End: gotest.Ended, Broker: "minirabbit 4", Tests: []gotest.Test{
		{Name: "TestA", Outcome: gotest.Fail, NotDone: true, Place: "receive.go:24 TODO(01/2)"},
		{Name: "TestBoth", Outcome: gotest.Fail, NotDone: true, Place: "receive.go:24 TODO(01/2)"},
	}}
	require.Equal(t, `
01/2 receive · 0 of 2                           minirabbit 4
  · TestA      not done yet   receive.go:24 TODO(01/2)
  · TestBoth   not done yet
`, "\n"+view.Verdict(terminal.Style{Width: 60}, receive, verdict))
}

func TestWhatDoesNotCompileShowsTheCompiler(t *testing.T) {
	t.Parallel()
	verdict := course.Verdict{End: gotest.BuildFailed, Output: "./receive.go:9:2: undefined: x\n" + strings.Repeat("more\n", 30)}
	text := view.Verdict(terminal.Style{Width: 80}, receive, verdict)
	require.Contains(t, text, "doesn't compile")
	require.Contains(t, text, "undefined: x")
	require.Contains(t, text, "… and 15 lines more")
}

func TestEveryStrangeEndIsSaid(t *testing.T) {
	t.Parallel()
	for end, want := range map[gotest.End]string{
		gotest.VetFailed: "go vet says",
		gotest.TimedOut:  "took too long",
		gotest.Panicked:  "A panic",
		gotest.Outside:   "the process failed",
		gotest.NoTests:   "No test ran",
	} {
		text := view.Verdict(terminal.Style{Width: 80}, receive, course.Verdict{End: end, Output: "the last words"})
		require.Contains(t, text, want, end)
		require.Contains(t, text, "the last words", end)
	}
}

func TestColourIsOnlyThereWhenAskedFor(t *testing.T) {
	t.Parallel()
	verdict := course.Verdict{Passed: true, End: gotest.Ended, Tests: []gotest.Test{{Name: "TestA", Outcome: gotest.Pass}}}
	require.NotContains(t, view.Verdict(terminal.Style{Width: 80}, receive, verdict), "\x1b")
	require.Contains(t, view.Verdict(terminal.Style{Width: 80, Colour: true}, receive, verdict), "\x1b[32m✓\x1b[0m")
}

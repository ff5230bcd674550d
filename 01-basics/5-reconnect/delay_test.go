package reconnect_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"warren.example/01-basics/5-reconnect"
	"warren.example/workshop/lab"
	"warren.example/workshop/todo"
)

// delay calls Delay, and ends the test if it isn't done yet.
func delay(l *lab.Lab, attempt int, random float64) time.Duration {
	d := reconnect.Delay(attempt, random)
	if d == -1 { // notDelayed
		l.Finished(todo.New("01/5"))
	}
	return d
}

// near compares but for what floating point numbers lose.
func near(a, b time.Duration) bool { return (a - b).Abs() <= time.Microsecond }

func TestDelayDoublesUpToItsCeiling(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for _, step := range []struct {
		attempt int
		ceiling time.Duration
	}{
		{1, 100 * time.Millisecond},
		{2, 200 * time.Millisecond},
		{3, 400 * time.Millisecond},
		{8, 12800 * time.Millisecond},
		{9, 25600 * time.Millisecond},
		{10, 30 * time.Second},
		{11, 30 * time.Second},
		{-1, 100 * time.Millisecond},
		{0, 100 * time.Millisecond},
	} {
		got := delay(l, step.attempt, 0.5)
		l.Check(near(got, step.ceiling/2), lab.Claim{
			Saw:  fmt.Sprintf("Delay(%d, 0.5) = %v", step.attempt, got),
			Want: fmt.Sprintf("%v: half of the ceiling %v", step.ceiling/2, step.ceiling),
			Why:  "too short: the broker gets no rest; too long: everybody waits when it has long been back",
			Read: "01-basics/README.md#pause",
		})
	}
}

func TestDelayNeverOverflows(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for _, attempt := range []int{30, 38, 39, 57, 58, 62, 63, 64, 65, 100, 1000, 1 << 20, math.MaxInt32, math.MaxInt} {
		got := delay(l, attempt, 0.5)
		l.Check(near(got, 15*time.Second), lab.Claim{
			Saw:  fmt.Sprintf("Delay(%d, 0.5) = %v", attempt, got),
			Want: "15s: half of the ceiling, which is 30 s from attempt 10 on",
			Why:  "doubled often enough a number is negative or 0: after an hour of outage there are no pauses any more",
			Read: "01-basics/README.md#pause",
		})
	}
}

func TestDelayIsSpread(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	ceilings := map[int]time.Duration{1: 100 * time.Millisecond, 5: 1600 * time.Millisecond, 20: 30 * time.Second}
	for attempt, ceiling := range ceilings {
		for _, random := range []float64{0, 0.1, 0.25, 0.75, 0.999} {
			got, want := delay(l, attempt, random), time.Duration(random*float64(ceiling))
			l.Check(near(got, want), lab.Claim{
				Saw:  fmt.Sprintf("Delay(%d, %v) = %v", attempt, random, got),
				Want: fmt.Sprintf("%v: random times the ceiling %v, from 0 up to all of it", want, ceiling),
				Why: "a thousand programs lost the broker at the same moment; without spread they all come back at the " +
					"same moment",
				Read: "01-basics/README.md#pause",
			})
		}
	}
}

package clock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAdvanceCallsInTheOrderOfTime(t *testing.T) {
	c := clock.New()
	defer c.Close()
	start := c.Now()
	var seen []string
	note := func(name string, after time.Duration) {
		set := c.Now()
		c.AfterFunc(after, func() {
			require.WithinDuration(t, set.Add(after), c.Now(), time.Minute, "the clock tells the function its own time")
			seen = append(seen, name)
		})
	}
	note("two hours", 2*time.Hour)
	note("one hour", time.Hour)
	note("three hours", 3*time.Hour)
	note("also one hour", time.Hour)
	c.AfterFunc(time.Hour, func() { note("set on the way", 30*time.Minute) })

	c.Advance(150 * time.Minute)

	require.Equal(t, []string{"one hour", "also one hour", "set on the way", "two hours"}, seen)
	require.False(t, c.Now().Before(start.Add(150*time.Minute)))
	c.Advance(time.Hour)
	require.Equal(t, "three hours", seen[len(seen)-1])
}

func TestRealTimeRunsToo(t *testing.T) {
	c := clock.New()
	defer c.Close()
	done := make(chan time.Time, 2)
	c.AfterFunc(time.Millisecond, func() { done <- c.Now() })
	c.AfterFunc(0, func() { done <- c.Now() })
	first, second := <-done, <-done
	require.False(t, second.Before(first))
}

func TestTimeGoesOnAfterAdvance(t *testing.T) {
	c := clock.New()
	defer c.Close()
	done := make(chan struct{})
	c.AfterFunc(time.Hour+time.Millisecond, func() { close(done) })
	c.Advance(time.Hour)
	<-done
}

func TestAStoppedTimerIsNotCalled(t *testing.T) {
	c := clock.New()
	defer c.Close()
	called := 0
	timer := c.AfterFunc(time.Hour, func() { called++ })
	require.True(t, timer.Stop())
	require.False(t, timer.Stop())
	c.Advance(2 * time.Hour)
	require.Zero(t, called)

	timer.Reset(time.Hour)
	timer.Reset(3 * time.Hour)
	c.Advance(2 * time.Hour)
	require.Zero(t, called)
	c.Advance(2 * time.Hour)
	require.Equal(t, 1, called)
	require.False(t, timer.Stop(), "it was called")
}

func TestNothingIsCalledAfterClose(t *testing.T) {
	c := clock.New()
	timer := c.AfterFunc(time.Hour, func() { t.Error("called") })
	c.Close()
	timer.Reset(time.Second)
	c.AfterFunc(0, func() { t.Error("called") })
	c.Advance(2 * time.Hour)
	require.False(t, timer.Stop())
}

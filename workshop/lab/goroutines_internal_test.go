package lab

import (
	"context"
	"runtime/pprof"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoroutinesAreFoundByAnInheritedLabel(t *testing.T) {
	t.Parallel()
	const key, value = "test goroutines", `one "quoted"`
	stop, stopped := make(chan struct{}), make(chan struct{}, 3)
	wait := func() {
		<-stop
		stopped <- struct{}{}
	}
	pprof.Do(context.Background(), pprof.Labels(key, value, "other", "x"), func(context.Context) {
		go func() {
			go wait()
			go wait()
			wait()
		}()
	})
	t.Cleanup(func() { close(stop) })

	var found []goroutine
	known := func(g goroutine) bool { return g.start.line > 0 }
	require.Eventually(t, func() bool { // the two forms of the profile agree once all three have come to rest
		found = withStart(goroutines(key, value))
		return len(found) == 3 && len(slices.DeleteFunc(slices.Clone(found), known)) == 0
	}, defaultDeadline, firstPoll)
	for _, g := range found {
		require.Contains(t, g.root().function, "TestGoroutinesAreFoundByAnInheritedLabel.func")
		require.Contains(t, g.root().file, "goroutines_internal_test.go")
		require.NotZero(t, g.root().line)
		require.Contains(t, g.start.file, "goroutines_internal_test.go")
	}
	require.Empty(t, goroutines(key, "one"), "another value")
	require.Empty(t, goroutines("goroutines", value), "another key")
}

package lab_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
)

func TestIdleFunctionsHaveDoneWhatTheyWereGoingToDo(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	work := make(chan int)
	var done atomic.Int64
	call := l.Go("Work", func(ctx context.Context) error {
		for n := range work {
			for range n {
				done.Add(1)
			}
		}
		<-ctx.Done()
		return nil
	})
	for range 20 {
		before := done.Load()
		work <- 100_000
		l.Await("the function at rest", call.Idle)
		require.Equal(t, before+100_000, done.Load())
	}
	close(work)
	l.Await("the function at rest", call.Idle)
	l.Settle()
	require.True(t, call.Running(), "to wait is not to have ended")
	require.NoError(t, call.Stopped())
	require.True(t, call.Idle(), "nothing is left to do")
}

func TestSettleWaitsForWhoIsAboutToAct(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Insist()
	work := make(chan int)
	var done atomic.Int64
	call := l.Go("Work", func(ctx context.Context) error {
		for range <-work {
			done.Add(1)
		}
		<-ctx.Done()
		return nil
	})
	work <- 10_000_000
	l.Settle()
	require.EqualValues(t, 10_000_000, done.Load())
	require.NoError(t, call.Stopped())
}

func TestSettleWaitsForWhatAFunctionLeftRunning(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Insist()
	work := make(chan int)
	ended := make(chan struct{})
	var done atomic.Int64
	call := l.Go("Work", func(context.Context) error {
		go func() {
			defer close(ended)
			for n := range work {
				for range n {
					done.Add(1)
				}
			}
		}()
		return nil
	})
	require.NoError(t, call.Wait())
	work <- 10_000_000
	l.Settle()
	require.True(t, call.Idle())
	require.EqualValues(t, 10_000_000, done.Load())
	close(work)
	<-ended
}

func TestWhoNeverRestsIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	call := l.Go("Spin", func(ctx context.Context) error {
		for ctx.Err() == nil {
		}
		return nil
	})
	l.Settle()
	require.False(t, call.Idle())
	require.NoError(t, call.Stopped())
}

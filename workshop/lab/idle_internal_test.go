package lab

import (
	"context"
	"net"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoStandsAtAChannelOrReadsTheNetworkWaits(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })

	for name, wait := range map[string]func(){
		"receive": func() { <-end },
		"range": func() {
			for range end {
			}
		},
		"select": func() {
			select {
			case <-end:
			case <-t.Context().Done():
			}
		},
		"send": func() {
			select {
			case make(chan int) <- 1:
			case <-end:
			}
		},
		"wait group": func() {
			var all sync.WaitGroup
			all.Go(func() { <-end })
			all.Wait()
		},
		"read": func() { _, _ = client.Read(make([]byte, 1)) },
	} {
		pprof.Do(context.Background(), pprof.Labels("idle", name), func(context.Context) { go wait() })
		require.Eventually(t, func() bool {
			found := goroutines("idle", name)
			return len(found) > 0 && waiting()[key(found[0].frames)]
		}, defaultDeadline, firstPoll, name)
	}
}

func TestWhoRunsOrWaitsForALockIsNotIdle(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	mu.Lock()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for name, run := range map[string]func(){
		"run": func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.Gosched()
				}
			}
		},
		"lock": func() {
			mu.Lock()
			defer mu.Unlock()
		},
	} {
		all.Add(1)
		pprof.Do(context.Background(), pprof.Labels("busy", name), func(context.Context) {
			go func() {
				defer all.Done()
				run()
			}()
		})
		for range 20 {
			found := goroutines("busy", name)
			require.Len(t, found, 1, name)
			require.False(t, waiting()[key(found[0].frames)], name)
		}
	}
	close(stop)
	mu.Unlock()
	all.Wait()
}

func TestStatesOfWaiting(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"chan receive", "chan receive (nil chan)", "select, 3 minutes", "IO wait", "sync.WaitGroup.Wait"} {
		require.True(t, isWait(state), state)
	}
	for _, state := range []string{"", "running", "runnable", "sleep", "sync.Mutex.Lock", "syscall", "semacquire", "GC worker (idle)"} {
		require.False(t, isWait(state), state)
	}
}

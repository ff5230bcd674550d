package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	runTime  = 2 * time.Minute // for a run, however slow the machine is
	waves    = 3               // of orders, until all faults of a run have happened
	lifetime = 10              // runs of one shop: what the auditor reads grows
)

// TestEveryPlace lets every service fail at each of its places, several services at once: one dies, the next loses RabbitMQ.
// With CHAOS_RUNS each place has both. Two shops share the rounds.
func TestEveryPlace(t *testing.T) {
	t.Parallel()
	turns := 1
	if os.Getenv("CHAOS_RUNS") != "" {
		turns = 2
	}
	for half := range 2 {
		t.Run(fmt.Sprintf("shop %d", half+1), func(t *testing.T) {
			t.Parallel()
			h := build(t, nil)
			for turn := range turns {
				for n, faults := range every() {
					if n%2 != half || testing.Short() && n > 1 {
						continue
					}
					for i := range faults {
						f := &faults[i]
						f.broker = (i+n/2+turn)%2 == 1 && strings.Contains(f.place, "box.") // elsewhere nobody holds a message
						f.late = f.broker && n%4 > 1
					}
					t.Run(fmt.Sprintf("round %d.%d", turn+1, n+1), func(t *testing.T) { h.mustAll(t, faults) })
				}
			}
		})
	}
}

func (h *house) mustAll(t *testing.T, faults []fault) {
	reached, err := h.run(t, faults)
	require.NoError(t, err, "%s", list(faults))
	for i, f := range faults {
		require.True(t, reached[i], "%s: it never came there", f)
	}
}

// TestSeeds tries failures that chance has chosen: CHAOS_RUNS of them.
func TestSeeds(t *testing.T) {
	runs, first, shops := number(t, "CHAOS_RUNS", 2), number(t, "CHAOS_SEED", 1), number(t, "CHAOS_SHOPS", 1)
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	var seeds []uint64
	for n := range runs {
		seeds = append(seeds, uint64(first+n))
	}
	var tried, happened, planned atomic.Int64
	free := make(chan struct{}, shops)
	var all sync.WaitGroup
	for chunk := range slices.Chunk(seeds, lifetime) {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			t.Run(fmt.Sprintf("shop of %d", chunk[0]), func(t *testing.T) {
				var h *house
				for _, seed := range chunk {
					if h == nil {
						h = build(t, nil)
					}
					good := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
						tried.Add(1)
						h.seed(t, seed, &planned, &happened)
					})
					if !good { // what is wrong here would be wrong in the next run, too
						h = nil
					}
				}
			})
		})
	}
	all.Wait()
	t.Logf("%d runs with %d failures planned, %d happened", tried.Load(), planned.Load(), happened.Load())
}

func (h *house) seed(t *testing.T, seed uint64, all, happened *atomic.Int64) {
	faults := planned(seed)
	all.Add(int64(len(faults)))
	begun := time.Now()
	reached, err := h.run(t, faults)
	for i, f := range faults {
		if reached[i] {
			happened.Add(1)
		} else if f.hit == 1 {
			t.Errorf("%s: it never came there", f)
		}
	}
	if err != nil {
		t.Errorf("%s (repeat it: CHAOS_SEED=%d CHAOS_RUNS=1): %v", list(faults), seed, err)
		h.showLogs(t) // now: the shop goes when all its runs are over
	}
	t.Logf("%s: reached %v, %s", list(faults), reached, time.Since(begun).Round(time.Millisecond))
}

// run places orders while faults happen, until all have happened or there were enough orders; lets the shop rest; and returns
// what is wrong then.
func (h *house) run(t *testing.T, faults []fault) (reached []bool, err error) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), runTime, errors.New("it takes too long"))
	defer cancel()
	reached = make([]bool, len(faults))
	failures := make([]error, len(faults))
	trouble, noMore := context.WithCancel(ctx)
	defer noMore()
	var repairs sync.WaitGroup
	for i, f := range faults {
		repair, err := h.arm(f)
		if err != nil {
			return reached, err
		}
		repairs.Go(func() { reached[i], failures[i] = repair(trouble) })
	}
	all := make(chan struct{})
	go func() {
		repairs.Wait()
		close(all)
	}()
	for n, over := 0, false; n < waves && !over && err == nil; n++ {
		err = h.wave(ctx)
		select {
		case <-all:
			over = true
		default:
		}
	}
	noMore()
	<-all
	err = errors.Join(append(failures, err)...)
	if err != nil {
		wrong, _ := h.audit(ctx) // it may tell why
		err = errors.Join(err, errors.New(strings.Join(wrong, "\n")))
	} else {
		resting, cancel := context.WithTimeoutCause(ctx, h.patience, errors.New("it does not come to rest"))
		defer cancel()
		err = h.rest(resting)
	}
	if dead := h.dead(); dead != nil {
		err = errors.Join(err, errors.New(strings.Join(dead, ", ")))
	}
	return reached, err
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	require.Positive(t, n, name)
	return n
}

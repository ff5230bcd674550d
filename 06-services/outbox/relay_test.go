package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

var errNo = errors.New("no")

// a broker takes messages, and remembers how often it has confirmed each order's.
type broker struct {
	mu        sync.Mutex
	confirmed map[string]int
	total     int
	want      int
	enough    func() // called at that total
	refuse    func(events.Message) error
	together  bool // what refuses one of a group refuses all
}

func (b *broker) Publish(_ context.Context, group []events.Message) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := make([]error, len(group))
	for i, m := range group {
		if b.refuse != nil {
			errs[i] = b.refuse(m)
		}
	}
	if why := errors.Join(errs...); b.together && why != nil {
		for i := range errs {
			errs[i] = why
		}
		return errs
	}
	if b.confirmed == nil {
		b.confirmed = map[string]int{}
	}
	for i, m := range group {
		if errs[i] == nil {
			b.confirmed[m.Correlation]++
			b.total++
		}
	}
	if b.total >= b.want && b.enough != nil {
		b.enough()
	}
	return errs
}

func soon(int) time.Duration { return time.Millisecond }

func TestRelaysShareTheWork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, outbox.Migrations)
		n := map[store.Dialect]int{store.SQLite: 3_000, store.Postgres: 10_000}[db.Dialect] // the race detector slows SQLite
		fill(t, outbox.New(db, "order", nil), n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b := &broker{want: n, enough: cancel}
		var relays, together sync.WaitGroup
		together.Add(3)
		for range 3 {
			box := outbox.New(open(t, outbox.Migrations), "order", nil)
			var first sync.Once
			relays.Go(func() {
				_ = outbox.Relay{Box: box, Publisher: publisher(func(ctx context.Context, m []events.Message) []error {
					first.Do(func() { // all have a group at the same time
						together.Done()
						together.Wait()
					})
					return b.Publish(ctx, m)
				}), Group: 64}.Run(ctx)
			})
		}
		relays.Wait()
		require.Equal(t, n, b.total, "none twice")
		require.Len(t, b.confirmed, n)
		require.Zero(t, pending(t, outbox.New(open(t, outbox.Migrations), "order", nil)))
	})
}

func TestWhatFailsComesLater(t *testing.T) {
	const n = 300
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		box := outbox.New(open(t, outbox.Migrations), "order", nil)
		fill(t, box, n)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		calls := 0
		b := &broker{want: n, enough: cancel, refuse: func(events.Message) error {
			if calls++; calls%3 == 0 {
				return errNo
			}
			return nil
		}}
		require.NoError(t, outbox.Relay{Box: box, Publisher: b, Group: 32, Pause: soon, Poll: time.Millisecond}.Run(ctx))
		require.Len(t, b.confirmed, n)
		require.Equal(t, n, b.total)
		require.Zero(t, pending(t, box))
	})
}

// RabbitMQ closes the channel for some messages: then the whole group has no answer.
func TestOneThatFailsForEverDoesNotHoldUpTheOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, outbox.Migrations)
		box := outbox.New(db, "order", nil)
		fill(t, box, 50)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		refused := 0
		b := &broker{together: true, refuse: func(m events.Message) error {
			if m.Correlation != "7" {
				return nil
			}
			if refused++; refused > 30 {
				cancel()
			}
			return fmt.Errorf("%s\x00\xff", errNo)
		}}
		require.NoError(t, outbox.Relay{Box: box, Publisher: b, Pause: soon, Poll: time.Millisecond}.Run(ctx))
		require.Len(t, b.confirmed, 49)
		require.Equal(t, 1, pending(t, box))
		_, ok, err := box.Oldest(t.Context())
		require.NoError(t, err)
		require.False(t, ok, "it has failed so often that it says nothing about RabbitMQ")
		var attempts int
		var why string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT attempts, last_error FROM outbox").Scan(&attempts, &why))
		require.Greater(t, attempts, 10)
		require.Equal(t, "no??", why)
	})
}

func TestTheDatabaseGoesAndComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, outbox.Migrations)
		box := outbox.New(db, "order", nil)
		fill(t, box, 3)
		alter := func(from, to string) {
			require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error {
				_, err := tx.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
				return err
			}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b := &broker{want: 3, enough: cancel}
		trouble := make(chan struct{}, 1000)
		relay := outbox.Relay{Box: box, Publisher: publisher(func(ctx context.Context, m []events.Message) []error {
			alter("outbox", "away") // between the confirm and the mark
			b.mu.Lock()
			b.want = 1000 // it is not over yet
			b.mu.Unlock()
			return b.Publish(ctx, m)
		}), Poll: time.Millisecond, Observe: func(name string, _ float64) {
			if name == "outbox.trouble" {
				trouble <- struct{}{}
			}
		}}
		ended := make(chan error, 1)
		go func() { ended <- relay.Run(ctx) }()
		for range 3 {
			wait(t, trouble)
		}
		alter("away", "outbox")
		require.Eventually(t, func() bool { return pending(t, box) == 0 }, time.Minute, time.Millisecond)
		cancel()
		require.NoError(t, wait(t, ended))
		require.Equal(t, 3, b.total, "what was confirmed is remembered until it is marked")
	})
}

func TestAnEndFinishesTheGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		box := outbox.New(open(t, outbox.Migrations), "order", nil)
		fill(t, box, 10)
		ctx, cancel := context.WithCancel(t.Context())
		relay := outbox.Relay{Box: box, Group: 4, Publisher: publisher(func(inner context.Context, m []events.Message) []error {
			cancel()
			require.NoError(t, inner.Err())
			return make([]error, len(m))
		})}
		require.NoError(t, relay.Run(ctx))
		require.Equal(t, 6, pending(t, box))
		require.Len(t, relayed(t, box, 6), 6, "and the others are free")
	})
}

// A relay that hangs, or is dead, keeps its rows for twice its Timeout and no longer.
func TestADeadRelaysRowsComeFree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		fill(t, outbox.New(open(t, outbox.Migrations), "order", at(start)), 5)
		ctx, cancel := context.WithCancel(t.Context())
		claimed, release := make(chan struct{}, 10), make(chan struct{})
		ended := make(chan error, 1)
		dead := outbox.Relay{Box: outbox.New(open(t, outbox.Migrations), "order", at(start)), Timeout: time.Hour,
			Publisher: publisher(func(_ context.Context, m []events.Message) []error {
				claimed <- struct{}{}
				<-release
				return []error{errNo, errNo, errNo, errNo, errNo}[:len(m)]
			}), Group: 5}
		go func() { ended <- dead.Run(ctx) }()
		wait(t, claimed)

		early := outbox.New(open(t, outbox.Migrations), "order", at(start.Add(2*time.Hour-time.Second)))
		fill(t, early, 1)
		require.Equal(t, "0", relayed(t, early, 1)[0].Correlation)
		require.Equal(t, 5, pending(t, early))
		late := outbox.New(open(t, outbox.Migrations), "order", at(start.Add(2*time.Hour)))
		require.Len(t, relayed(t, late, 5), 5)

		cancel()
		close(release)
		require.NoError(t, wait(t, ended), "it comes back to life, and finds nothing of its own")
		require.Zero(t, pending(t, late))
	})
}

func TestABrokerThatDoesNotAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, outbox.Migrations)
		box := outbox.New(db, "order", nil)
		fill(t, box, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		rounds := 0
		relay := outbox.Relay{Box: box, Timeout: 20 * time.Millisecond, Poll: time.Millisecond,
			Publisher: publisher(func(ctx context.Context, m []events.Message) []error {
				if rounds++; rounds > 12 {
					cancel()
					return make([]error, len(m))
				}
				<-ctx.Done()
				return []error{ctx.Err()} // fewer answers than messages
			})}
		require.NoError(t, relay.Run(ctx))
		require.Equal(t, 13, rounds, "they are not tried one by one when time is up")
		require.Zero(t, pending(t, box))
	})
}

func TestWhatIsSentWakesTheRelay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		box := outbox.New(open(t, outbox.Migrations), "order", nil)
		ctx, cancel := context.WithCancel(t.Context())
		got, ended := make(chan events.Message, 1), make(chan error, 1)
		relay := outbox.Relay{Box: box, Poll: time.Hour, Publisher: publisher(func(_ context.Context, m []events.Message) []error {
			got <- m[0]
			return make([]error, len(m))
		})}
		go func() { ended <- relay.Run(ctx) }()
		for _, order := range []string{"1", "2", "3"} {
			require.NoError(t, send(t.Context(), box, order))
			require.Equal(t, order, wait(t, got).Correlation)
		}
		cancel()
		require.NoError(t, wait(t, ended))
	})
}

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing came for a minute")
	}
	return v
}

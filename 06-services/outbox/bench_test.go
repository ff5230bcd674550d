package outbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// The figures mean something beside each other, in one run on one machine: go test -bench . -run xxx ./outbox
// SQLite waits for the disk here, and the tests' own PostgreSQL does not: it runs with fsync=off.

func each(b *testing.B, run func(b *testing.B, db *store.DB)) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db, err := store.Open(b.Context(), address(b), nil, outbox.Migrations, inbox.Migrations)
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, db.Close()) })
			run(b, db)
		})
	}
}

// BenchmarkGroup handles messages whose effect sends one, in groups.
func BenchmarkGroup(b *testing.B) {
	for _, size := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			each(b, func(b *testing.B, db *store.DB) {
				h := inbox.Handlers{}
				inbox.On(h, func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
					return tx.Send(ctx, events.StockCommitted(p), events.About{Correlation: p.Order, Cause: m.ID})
				})
				in := inbox.New(db, outbox.New(db, "inventory", nil), nil, h)
				groups := make([][]events.Message, b.N/size+1)
				for i := range groups {
					for range size {
						m, err := events.New(events.StockCommit{Order: "order"}, events.About{})
						require.NoError(b, err)
						groups[i] = append(groups[i], m)
					}
				}
				b.ResetTimer()
				for _, g := range groups {
					for _, err := range in.Handle(b.Context(), g) {
						require.NoError(b, err)
					}
				}
				b.ReportMetric(float64(len(groups)*size)/b.Elapsed().Seconds(), "messages/s")
			})
		})
	}
}

// BenchmarkDo sends one message per transaction, from several goroutines.
func BenchmarkDo(b *testing.B) {
	each(b, func(b *testing.B, db *store.DB) {
		box := outbox.New(db, "order", nil)
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				require.NoError(b, send(b.Context(), box, "order"))
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
	})
}

// BenchmarkRelay relays what is there, to a publisher that confirms at once.
func BenchmarkRelay(b *testing.B) {
	each(b, func(b *testing.B, db *store.DB) {
		box := outbox.New(db, "order", nil)
		fill(b, box, b.N)
		left := b.N
		ctx, stop := context.WithCancel(b.Context())
		relay := outbox.Relay{Box: box, Publisher: publisher(func(_ context.Context, m []events.Message) []error {
			if left -= len(m); left == 0 {
				stop()
			}
			return make([]error, len(m))
		})}
		b.ResetTimer()
		require.NoError(b, relay.Run(ctx))
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

type publisher func(ctx context.Context, m []events.Message) []error

func (p publisher) Publish(ctx context.Context, m []events.Message) []error { return p(ctx, m) }

func send(ctx context.Context, box *outbox.Box, order string) error {
	return box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		return tx.Send(ctx, events.StockCommit{Order: order}, events.About{Correlation: order})
	})
}

// fill sends n messages, about the orders "0", "1" …
func fill(t testing.TB, box *outbox.Box, n int) {
	t.Helper()
	for first := 0; first < n; first += 1000 {
		require.NoError(t, box.Do(t.Context(), func(ctx context.Context, tx *outbox.Tx) error {
			for i := first; i < min(n, first+1000); i++ {
				order := fmt.Sprint(i)
				if err := tx.Send(ctx, events.StockCommit{Order: order}, events.About{Correlation: order}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

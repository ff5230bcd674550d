package outbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// orders is a table of the service, for the changes that messages tell of.
var orders = store.Migrations{Name: "orders", FS: fstest.MapFS{"00001_orders.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE orders (id TEXT PRIMARY KEY);\n")}}}

var start = time.Date(2030, 1, 2, 3, 4, 5, 678_900_000, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// place makes a row and sends a message about it.
func place(ctx context.Context, box *outbox.Box, order string) error {
	return box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id) VALUES ($1)", order); err != nil {
			return err
		}
		return tx.Send(ctx, events.StockCommit{Order: order}, events.About{Correlation: order})
	})
}

// relayed runs a relay until it has published n messages, and returns them.
func relayed(t *testing.T, box *outbox.Box, n int) (got []events.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	relay := outbox.Relay{Box: box, Publisher: publisher(func(_ context.Context, m []events.Message) []error {
		if got = append(got, m...); len(got) >= n {
			cancel()
		}
		return make([]error, len(m))
	})}
	require.NoError(t, relay.Run(ctx))
	require.Len(t, got, n)
	return got
}

func pending(t *testing.T, box *outbox.Box) int {
	t.Helper()
	n, err := box.Pending(t.Context())
	require.NoError(t, err)
	return int(n)
}

func TestAMessageArrivesAsItWasSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		type key struct{}
		box := outbox.New(open(t, outbox.Migrations), "order", at(start), func(ctx context.Context, m *events.Message) {
			if m.Headers == nil {
				m.Headers = map[string]string{}
			}
			m.Headers["traceparent"], m.Headers["quote"] = ctx.Value(key{}).(string), "\"'\\ \u00e9\x00"
		})
		about := events.About{Service: "somebody", Correlation: "o-1", Cause: "c-1", Version: 7,
			NotAfter: start.Add(time.Hour).Truncate(time.Millisecond), Now: start.Add(time.Hour)}
		var made events.Message
		require.NoError(t, box.Do(context.WithValue(t.Context(), key{}, "trace"), func(ctx context.Context, tx *outbox.Tx) error {
			lines := []events.Line{{SKU: "\u00fc\x00\"", Quantity: 2}}
			require.NoError(t, tx.Send(ctx, events.StockReserve{Order: "o-1", Lines: lines}, about))
			var err error
			made, err = events.New(events.StockCommit{Order: "o-1"}, events.About{Correlation: "o-1"})
			require.NoError(t, err)
			made.Headers = map[string]string{"own": "1"}
			return errors.Join(tx.SendMessage(ctx, made), tx.SendMessage(ctx, made))
		}))
		require.Equal(t, map[string]string{"own": "1"}, made.Headers, "the hooks change what is sent, not what the caller has")

		got := relayed(t, box, 3)
		first := got[0]
		require.NotEmpty(t, first.ID)
		require.True(t, first.Time.Equal(start.Truncate(time.Millisecond)), first.Time)
		require.True(t, first.NotAfter.Equal(about.NotAfter))
		require.JSONEq(t, `{"order":"o-1","lines":[{"sku":"\u00fc\u0000\"","quantity":2}]}`, string(first.Body))
		first.ID, first.Body, first.Time, first.NotAfter = "", nil, time.Time{}, time.Time{}
		require.Equal(t, events.Message{Type: "stock.reserve", Schema: 1, Service: "order", Correlation: "o-1", Cause: "c-1",
			Version: 7, Headers: map[string]string{"traceparent": "trace", "quote": "\"'\\ \u00e9\x00"}}, first)
		require.Equal(t, made.ID, got[1].ID)
		require.Equal(t, made.ID, got[2].ID)
		require.True(t, got[1].NotAfter.IsZero())
		require.Equal(t, "1", got[1].Headers["own"])
		require.Equal(t, "trace", got[1].Headers["traceparent"])
		require.Zero(t, pending(t, box))
	})
}

func TestNothingIsSentThatWasNotCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, orders, outbox.Migrations)
		box := outbox.New(db, "order", nil)
		require.NoError(t, place(t.Context(), box, "1"))
		require.True(t, store.IsUnique(place(t.Context(), box, "1")))

		no := errors.New("no")
		require.ErrorIs(t, box.Do(t.Context(), func(ctx context.Context, tx *outbox.Tx) error {
			require.NoError(t, tx.Send(ctx, events.StockCommit{Order: "2"}, events.About{}))
			return no
		}), no)
		require.Error(t, box.Do(t.Context(), func(ctx context.Context, tx *outbox.Tx) error {
			return tx.Send(ctx, unknown{}, events.About{})
		}))
		require.Equal(t, "1", relayed(t, box, 1)[0].Correlation)
		require.Zero(t, pending(t, box))
	})
}

type unknown struct{}

func (unknown) Name() string { return "not.in.the.table" }

func TestWhatIsSentTogetherKeepsItsOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		box := outbox.New(open(t, outbox.Migrations), "order", nil)
		const n = 1500
		fill(t, box, n)
		seen := relayed(t, box, n)
		for i, m := range seen[1:] {
			require.Less(t, seen[i].ID, m.ID, "IDs grow with time")
		}
	})
}

func TestOldestAndPending(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		now := start
		box := outbox.New(open(t, outbox.Migrations), "order", func() time.Time { return now })
		_, ok, err := box.Oldest(t.Context())
		require.NoError(t, err)
		require.False(t, ok)

		require.NoError(t, send(t.Context(), box, "1"))
		now = start.Add(time.Minute)
		require.NoError(t, send(t.Context(), box, "2"))
		oldest, ok, err := box.Oldest(t.Context())
		require.NoError(t, err)
		require.True(t, ok)
		require.True(t, oldest.Equal(start.Truncate(time.Millisecond)))
		require.Equal(t, 2, pending(t, box))

		relayed(t, box, 2)
		_, ok, err = box.Oldest(t.Context())
		require.NoError(t, err)
		require.False(t, ok)
		require.Zero(t, pending(t, box))
	})
}

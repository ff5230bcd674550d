package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
	"warren.example/workshop/lab/sqltap"
)

// A program places an order and relays, and dies at its first step of the database, then at its second … Each order that is
// there afterwards has its message, and no other order has one.
func TestACrashAtEveryStep(t *testing.T) {
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		t.Run(when.String(), func(t *testing.T) {
			url := storetest.SQLite(t)
			tap := sqltap.New(&connector{})
			db, err := store.Open(t.Context(), url, func(name, dsn string) (*sql.DB, error) {
				db, err := sql.Open(name, dsn)
				require.NoError(t, err)
				tap = sqltap.New(&connector{db.Driver(), dsn})
				return db, nil
			}, orders, outbox.Migrations)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			t.Cleanup(tap.Close)

			published := map[string]bool{}
			programs := 0
			for p := range tap.Sweep(t, when) {
				programs++
				work(t, p, url, fmt.Sprint(programs), published)
			}
			require.Greater(t, programs, 8)

			_ = outbox.Relay{Box: outbox.New(db, "order", func() time.Time { return time.Now().Add(time.Hour) }),
				Publisher: recording(published, 0, nil)}.Run(soonOver(t))
			rows, err := db.QueryContext(t.Context(), "SELECT id FROM orders")
			require.NoError(t, err)
			defer rows.Close()
			placed := map[string]bool{}
			for rows.Next() {
				var id string
				require.NoError(t, rows.Scan(&id))
				placed[id] = true
			}
			require.NoError(t, rows.Err())
			require.Equal(t, placed, published)
			require.NotEmpty(t, placed)
		})
	}
}

// work is the life of one program.
func work(t *testing.T, p *sqltap.Program, url, order string, published map[string]bool) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p.OnCrash(cancel)
	db, err := store.Open(ctx, url, func(string, string) (*sql.DB, error) { return p.DB, nil }, orders, outbox.Migrations)
	if err != nil {
		require.True(t, p.Crashed(), err)
		return
	}
	box := outbox.New(db, "order", nil)
	if err := place(ctx, box, order); err != nil {
		require.True(t, p.Crashed(), err)
		return
	}
	require.NoError(t, outbox.Relay{Box: box, Publisher: recording(published, 1, cancel), Poll: time.Millisecond}.Run(ctx))
}

// recording confirms everything, and says when there was enough.
func recording(published map[string]bool, want int, enough func()) publisher {
	n := 0
	return func(_ context.Context, group []events.Message) []error {
		for _, m := range group {
			published[m.Correlation] = true
		}
		if n += len(group); n >= want && enough != nil {
			enough()
		}
		return make([]error, len(group))
	}
}

// soonOver ends at once: a relay still has its first turn, and here one is enough.
func soonOver(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

type connector struct {
	driver driver.Driver
	dsn    string
}

func (c *connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *connector) Driver() driver.Driver                        { return c.driver }

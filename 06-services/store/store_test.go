package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// counters has a third step that shows whether it was taken twice.
var counters = store.Migrations{Name: "counters", FS: fstest.MapFS{
	"00001_counters.sql": {Data: []byte("-- +goose Up\nCREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);\n")},
	"00002_first.sql":    {Data: []byte("-- +goose Up\nINSERT INTO counters (name, value) VALUES ('first', 0);\n")},
	"00003_more.sql":     {Data: []byte("-- +goose Up\nUPDATE counters SET value = value + 1;\n")},
}}

func value(t testing.TB, q store.Querier) (n int) {
	t.Helper()
	require.NoError(t, q.QueryRowContext(t.Context(), "SELECT value FROM counters WHERE name = $1", "first").Scan(&n))
	return n
}

func add(ctx context.Context, tx store.Querier) error {
	_, err := tx.ExecContext(ctx, "UPDATE counters SET value = value + 1 WHERE name = $1", "first")
	return err
}

func TestDoCommitsOrLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, counters)
		require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error { return add(t.Context(), tx) }))
		require.Equal(t, 2, value(t, db))

		mine := errors.New("mine")
		err := db.Do(t.Context(), func(tx store.Querier) error {
			require.NoError(t, add(t.Context(), tx))
			return mine
		})
		require.Same(t, mine, err)
		require.Panics(t, func() {
			_ = db.Do(t.Context(), func(tx store.Querier) error {
				require.NoError(t, add(t.Context(), tx))
				panic("no")
			})
		})
		ctx, cancel := context.WithCancel(t.Context())
		err = db.Do(ctx, func(tx store.Querier) error {
			require.NoError(t, add(ctx, tx))
			cancel()
			require.ErrorIs(t, add(ctx, tx), context.Canceled)
			return nil
		})
		require.Error(t, err)
		require.Equal(t, 2, value(t, db), "and nothing stays open that others would wait for")
	})
}

func TestManyWritersInTwoPrograms(t *testing.T) {
	const writers, times = 8, 25
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		programs := []*store.DB{open(t, counters), open(t, counters)}
		var all sync.WaitGroup
		errs := make(chan error, writers*times)
		for i := range writers {
			all.Go(func() {
				for range times {
					errs <- programs[i%2].Do(t.Context(), func(tx store.Querier) error {
						value(t, tx) // who begins as a reader must get to write too
						return add(t.Context(), tx)
					})
				}
			})
		}
		all.Wait()
		for range writers * times {
			require.NoError(t, <-errs)
		}
		require.Equal(t, 1+writers*times, value(t, programs[0]))
	})
}

func TestReadersDoNotWaitForTheWriter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, counters)
		require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error {
			require.NoError(t, add(t.Context(), tx))
			require.Equal(t, 1, value(t, db))
			require.Equal(t, 2, value(t, tx))
			return nil
		}))
	})
}

func TestWhoWaitsToWriteGivesUpWithItsContext(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLite(t), nil, counters)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.Do(t.Context(), func(store.Querier) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, db.Do(ctx, func(store.Querier) error { return nil }), context.DeadlineExceeded)
		return nil
	}))
}

// The same text may be asked while its rows are read: statements are kept, rows are not shared.
func TestTheSameStatementWithinItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, counters)
		if db.Dialect == store.Postgres {
			t.Skip("PostgreSQL has one statement at a time in a transaction")
		}
		require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error {
			for _, name := range []string{"second", "third"} {
				_, err := tx.ExecContext(t.Context(), "INSERT INTO counters (name, value) VALUES ($1, 7)", name)
				require.NoError(t, err)
			}
			const all = "SELECT name FROM counters ORDER BY name"
			rows, err := tx.QueryContext(t.Context(), all)
			require.NoError(t, err)
			defer rows.Close()
			var names []string
			for rows.Next() {
				var name, first string
				require.NoError(t, rows.Scan(&name))
				require.NoError(t, tx.QueryRowContext(t.Context(), all).Scan(&first))
				require.Equal(t, "first", first)
				names = append(names, name)
			}
			require.Equal(t, []string{"first", "second", "third"}, names)
			return rows.Err()
		}))
	})
}

func TestATableThatTheTransactionMakes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t)
		require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error {
			_, err := tx.ExecContext(t.Context(), "CREATE TABLE later (n BIGINT)")
			require.NoError(t, err)
			_, err = tx.ExecContext(t.Context(), "INSERT INTO later (n) VALUES ($1)", 1)
			return err
		}))
		require.Error(t, db.Do(t.Context(), func(tx store.Querier) error {
			_, err := tx.ExecContext(t.Context(), "INSERT INTO never (n) VALUES ($1)", 1)
			return err
		}))
	})
}

func TestIsUnique(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := open(t, counters)
		exec := func(query string) error {
			return db.Do(t.Context(), func(tx store.Querier) error {
				_, err := tx.ExecContext(t.Context(), query)
				return err
			})
		}
		require.True(t, store.IsUnique(exec("INSERT INTO counters (name, value) VALUES ('first', 1)")))
		require.NoError(t, exec("CREATE UNIQUE INDEX values_once ON counters (value)"))
		require.True(t, store.IsUnique(exec("INSERT INTO counters (name, value) VALUES ('other', 1)")))
		require.False(t, store.IsUnique(exec("INSERT INTO counters (name) VALUES ('other')")))
		require.False(t, store.IsUnique(exec("INSERT INTO nowhere (name) VALUES ('other')")))
		require.False(t, store.IsUnique(nil))
	})
}

func TestSQLiteKeepsWhatItCommitted(t *testing.T) {
	db, err := store.Open(t.Context(), "file:"+filepath.ToSlash(filepath.Join(t.TempDir(), "a b.db")), nil)
	require.NoError(t, err)
	defer db.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

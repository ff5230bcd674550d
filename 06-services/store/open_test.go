package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

func TestProgramsThatOpenAtOnceTakeEachStepOnce(t *testing.T) {
	for range 5 {
		storetest.Each(t, func(t *testing.T, open storetest.Open) {
			other := store.Migrations{Name: "other", FS: fstest.MapFS{
				"00001_other.sql": {Data: []byte("-- +goose Up\nUPDATE counters SET value = value + 10;\n")}}}
			var all errgroup.Group
			for range 4 {
				all.Go(func() error {
					open(t, counters, other)
					return nil
				})
			}
			require.NoError(t, all.Wait())
			require.Equal(t, 11, value(t, open(t, counters, other)))
		})
	}
}

func TestNewStepsAreTakenLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		open(t, counters)
		files := fstest.MapFS{"00004_later.sql": {Data: []byte("-- +goose Up\nUPDATE counters SET value = 100;\n")}}
		for name, file := range counters.FS.(fstest.MapFS) {
			files[name] = file
		}
		require.Equal(t, 100, value(t, open(t, store.Migrations{Name: "counters", FS: files})))
		require.Equal(t, 100, value(t, open(t, counters)), "the old program may still start")
	})
}

// A step that fails leaves nothing behind, and the next try takes it.
func TestAStepThatFails(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := address(t)
			files := fstest.MapFS{"00001_two.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (n BIGINT);\nCREATE TABEL b;\n")}}
			_, err := store.Open(t.Context(), url, nil, store.Migrations{Name: "two", FS: files})
			require.ErrorContains(t, err, "two")
			files["00001_two.sql"].Data = []byte("-- +goose Up\nCREATE TABLE a (n BIGINT);\nCREATE TABLE b (n BIGINT);\n")
			db, err := store.Open(t.Context(), url, nil, store.Migrations{Name: "two", FS: files})
			require.NoError(t, err)
			require.NoError(t, db.Close())
		})
	}
}

func TestWhereStepsLie(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		step := func(value string) *fstest.MapFile {
			return &fstest.MapFile{Data: []byte("-- +goose Up\nINSERT INTO counters (name, value) VALUES ('where', " + value + ");\n")}
		}
		for name, files := range map[string]fstest.MapFS{
			"folder":        {"migrations/00001_a.sql": step("1")},
			"dialect":       {"sqlite/00001_a.sql": step("1"), "postgres/00001_a.sql": step("1")},
			"folderdialect": {"migrations/sqlite/00001_a.sql": step("1"), "migrations/postgres/00001_a.sql": step("1")},
		} {
			db := open(t, counters, store.Migrations{Name: name, FS: files})
			done, err := db.ExecContext(t.Context(), "DELETE FROM counters WHERE name = 'where'")
			require.NoError(t, err)
			n, err := done.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 1, n, name)
		}
	})
}

func TestErrorsShowNoPassword(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody is dialled
	for _, address := range []string{
		"postgres://user:s3cret@localhost:5432/shop", "postgres://user:s3cret@localhost:x/shop",
		"postgres://user:s3cret@localhost/shop?search_path=a,b", "postgres://user:s3cret@localhost/shop?search_path=A",
		"postgres://user:s3cret%zz@localhost/shop", "postgres://user:s3cret@local host/shop?sslmode=s3cret",
		"host=localhost password=s3cret", "mysql://user:s3cret@localhost/shop", "user:s3cret@", "s3cret", "",
		"file:", "file::memory:", "file:x.db?mode=memory", "file:a#b.db", "file:a.db?a=#", "file:%zz?s3cret=%zz",
	} {
		_, err := store.Open(ctx, address, nil)
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "s3cret", address)
	}
}

func TestAWrongPasswordIsNotShown(t *testing.T) {
	address, err := url.Parse(storetest.Postgres(t))
	require.NoError(t, err)
	query := address.Query()
	query.Set("password", "s3cret")
	query.Set("user", "nobody-of-that-name")
	address.RawQuery = query.Encode()
	_, err = store.Open(t.Context(), address.String(), nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestOpenerIsAsked(t *testing.T) {
	no := errors.New("no")
	var driver, dsn string
	_, err := store.Open(t.Context(), "file:x.db", func(d, n string) (*sql.DB, error) {
		driver, dsn = d, n
		return nil, no
	})
	require.ErrorIs(t, err, no)
	require.Equal(t, "sqlite", driver)
	require.True(t, strings.HasPrefix(dsn, "file:x.db?"), dsn)
}

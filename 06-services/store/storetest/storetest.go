// Package storetest gives tests a database of each kind, empty and gone afterwards. SQLite is always there. PostgreSQL is the
// one that WORKSHOP_POSTGRES_URL names; without it, one that the test process starts by itself if it is installed (Linux only),
// and that ends with it.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/store"
)

// EnvPostgres names a PostgreSQL whose user may create schemas: "postgres://user:password@host:5432/database".
const EnvPostgres = "WORKSHOP_POSTGRES_URL"

// An Open opens the database of a test, once more each time, as another program would. It is closed when the test is over.
type Open func(t testing.TB, sets ...store.Migrations) *store.DB

// Each runs a test on each kind of database, as subtests "sqlite" and "postgres". Where there is no PostgreSQL, the second is
// skipped and says what it needs.
func Each(t *testing.T, test func(t *testing.T, open Open)) {
	t.Helper()
	on := func(address func(testing.TB) string) func(t *testing.T) {
		return func(t *testing.T) {
			url := address(t)
			test(t, func(t testing.TB, sets ...store.Migrations) *store.DB { return open(t, url, sets) })
		}
	}
	t.Run("sqlite", on(SQLite))
	t.Run("postgres", on(Postgres))
}

func open(t testing.TB, url string, sets []store.Migrations) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, nil, sets...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// SQLite returns the URL of a file that isn't there yet, in a folder that goes with the test.
func SQLite(t testing.TB) string {
	path := url.URL{Path: filepath.ToSlash(filepath.Join(t.TempDir(), "test.db"))} // the name of a subtest may have a #
	return "file:" + path.EscapedPath()
}

// Postgres returns the URL of a schema that isn't there yet, and drops it when the test is over. Without a PostgreSQL the test
// is skipped.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(EnvPostgres)
	if server == "" {
		var missing string
		if server, missing = private(); missing != "" {
			t.Skipf("no PostgreSQL: %s; or set %s", missing, EnvPostgres)
		}
	}
	address, err := url.Parse(server)
	require.NoError(t, err)
	schema := "test_" + strings.ToLower(rand.Text()[:12])
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	t.Cleanup(func() { drop(t, server, schema) })
	return address.String()
}

func drop(t testing.TB, server, schema string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", server)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	require.NoError(t, err)
}

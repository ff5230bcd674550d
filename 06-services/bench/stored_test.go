package bench_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // driver "sqlite"
)

// fill puts n copies of an order into the databases of a shop that doesn't run: of each row, in whatever table, that has the
// order's id, its key or the id of a message that it led to. In the copies these are others, and older than any that are there.
// (The stock isn't touched: how many pieces were sold says nothing about speed.)
func fill(b testing.TB, folder string, one order, n int) {
	ids := []string{one.id, one.key}
	for _, m := range one.messages {
		ids = append(ids, m.ID)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.db"))
	require.NoError(b, err)
	require.NotEmpty(b, files)
	for _, file := range files {
		db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
		require.NoError(b, err)
		db.SetMaxOpenConns(1)
		for _, table := range texts(b, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
			copyRows(b, db, table, ids, n)
		}
		_, err = db.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
		require.NoError(b, err)
		require.NoError(b, db.Close())
	}
}

// copyRows copies the rows of a table that have one of the ids.
func copyRows(b testing.TB, db *sql.DB, table string, ids []string, n int) {
	rows, err := db.QueryContext(b.Context(), "SELECT * FROM "+table)
	require.NoError(b, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(b, err)
	var originals [][]any
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		require.NoError(b, rows.Scan(places...))
		originals = append(originals, values)
	}
	require.NoError(b, rows.Err())
	require.NoError(b, rows.Close())
	for _, values := range originals {
		copyRow(b, db, table, values, ids, n)
	}
}

// copyRow copies one row with one statement, unless it has none of the ids.
func copyRow(b testing.TB, db *sql.DB, table string, values []any, ids []string, n int) {
	args := append([]any{n}, values...)
	expressions, has := make([]string, len(values)), false
	for i, value := range values {
		expressions[i] = fmt.Sprintf("?%d", i+2)
		text, _ := value.(string)
		for k, id := range ids {
			if !strings.Contains(text, id) {
				continue
			}
			// Like a UUID of version 7: it grows with the number of the copy.
			has, args = true, append(args, id)
			expressions[i] = fmt.Sprintf("replace(%s, ?%d, printf('0100%%04x-%%04x-7000-8000-%012x', i / 65536, i %% 65536))",
				expressions[i], len(args), k)
		}
	}
	if !has {
		return
	}
	_, err := db.ExecContext(b.Context(), "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?1) "+
		"INSERT INTO "+table+" SELECT "+strings.Join(expressions, ", ")+" FROM numbers", args...)
	require.NoError(b, err, table)
}

// texts returns the texts that a query answers with.
func texts(b testing.TB, db *sql.DB, query string) (all []string) {
	rows, err := db.QueryContext(b.Context(), query)
	require.NoError(b, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(b, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(b, rows.Err())
	return all
}

package database_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/05-ordering/database"
	"warren.example/workshop/lab/sqltap"
)

// The exercises' tests crash programs at each step. Here it is shown that SQLite then has all of a transaction, or nothing.
func TestACrashLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		tap := sqltap.New(database.Connector(filepath.Join(t.TempDir(), "shop.db")))
		t.Cleanup(tap.Close)
		reader := tap.Open()
		_, err := reader.Exec("CREATE TABLE stock (pieces INTEGER NOT NULL); INSERT INTO stock VALUES (0)")
		require.NoError(t, err)

		said, before := []string{}, 0
		for db := range tap.Sweep(t, when) {
			err := addOne(db.DB)
			said = append(said, db.String())
			var pieces int
			require.NoError(t, reader.QueryRow("SELECT pieces FROM stock").Scan(&pieces))
			committed := !db.Crashed() || db.String() == "crashed after step 4 (commit)"
			require.Equal(t, committed, pieces == before+1, db)
			require.Equal(t, !db.Crashed(), err == nil, db)
			before = pieces
		}
		require.Len(t, said, 5)
		require.Contains(t, said[1], "step 2 (SELECT pieces FROM stock)")
		require.Contains(t, said[2], "step 3 (UPDATE stock SET pieces = ?)")
	}
}

// SQLite keeps a closed connection, with its transaction, until its last statement is closed too.
func TestACrashFreesTheDatabase(t *testing.T) {
	t.Parallel()
	tap := sqltap.New(database.Connector(filepath.Join(t.TempDir(), "shop.db")))
	t.Cleanup(tap.Close)
	dies, next := tap.Open(), tap.Open()
	_, err := next.Exec("CREATE TABLE stock (pieces INTEGER NOT NULL); INSERT INTO stock VALUES (0)")
	require.NoError(t, err)
	tx, err := dies.Begin()
	require.NoError(t, err)
	prepared, err := tx.Prepare("UPDATE stock SET pieces = ?")
	require.NoError(t, err)
	_, err = prepared.Exec(7)
	require.NoError(t, err)

	dies.Crash()

	require.NoError(t, addOne(next.DB))
	var pieces int
	require.NoError(t, next.QueryRow("SELECT pieces FROM stock").Scan(&pieces))
	require.Equal(t, 1, pieces)
}

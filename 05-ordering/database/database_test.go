package database_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/05-ordering/database"
)

func TestOpenedAgainItHasWhatWasCommitted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a shop? 100% #1.db")
	db, err := database.Open(path)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE stock (sku TEXT PRIMARY KEY, pieces INTEGER NOT NULL)")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO stock VALUES ('lamp', 3)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.FileExists(t, path)

	db, err = database.Open(path)
	require.NoError(t, err)
	defer db.Close()
	var pieces int
	require.NoError(t, db.QueryRow("SELECT pieces FROM stock WHERE sku = 'lamp'").Scan(&pieces))
	require.Equal(t, 3, pieces)
}

// With SQLite's own way of beginning, both would read 3, and the second commit would fail with SQLITE_BUSY.
func TestTwoTransactionsTakeTurns(t *testing.T) {
	t.Parallel()
	db, err := database.Open(filepath.Join(t.TempDir(), "shop.db"))
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE stock (pieces INTEGER NOT NULL); INSERT INTO stock VALUES (0)")
	require.NoError(t, err)

	const takers, times = 4, 25
	done := make(chan error)
	for range takers {
		go func() {
			for range times {
				if err := addOne(db); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range takers {
		require.NoError(t, <-done)
	}
	var pieces int
	require.NoError(t, db.QueryRow("SELECT pieces FROM stock").Scan(&pieces))
	require.Equal(t, takers*times, pieces)
}

// addOne reads, and writes what it has read and one more.
func addOne(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after Commit
	var pieces int
	if err := tx.QueryRow("SELECT pieces FROM stock").Scan(&pieces); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE stock SET pieces = ?", pieces+1); err != nil {
		return err
	}
	return tx.Commit()
}

func TestWhatIsNoDatabaseIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.db")
	require.NoError(t, os.WriteFile(path, []byte("this is a text, long enough to be read as the header of a database file; it is none"), 0o600))
	_, err := database.Open(path)
	require.ErrorContains(t, err, "not a database")
	_, err = database.Open(filepath.Join(t.TempDir(), "nowhere", "shop.db"))
	require.Error(t, err)
}

// Package database opens the SQLite databases of this chapter. It is given: the exercises take a *sql.DB and don't import it.
package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"

	"modernc.org/sqlite"
)

// Open opens the database in the file path, and makes it if there is none. It returns an error if the file can't be opened, or
// is no database. See Connector for how it is set up.
func Open(path string) (*sql.DB, error) {
	db := sql.OpenDB(Connector(path))
	if err := db.Ping(); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// Connector leads to the database in the file path. Each of its connections is set up so that
//   - a transaction takes the right to write when it begins, not at its first write (_txlock=immediate). Two that read first and
//     both want to write then would end in SQLITE_BUSY (sqlite.org/lang_transaction.html);
//   - who can't write at once waits for ten seconds at most (busy_timeout);
//   - readers see the last commit, and wait for no writer (journal_mode=WAL, sqlite.org/wal.html);
//   - a commit survives the end of the process. A power cut may take the last commits along (synchronous=NORMAL).
func Connector(path string) driver.Connector {
	settings := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)"},
	}
	return connector{source: (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: settings.Encode()}).String()}
}

type connector struct{ source string }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.source) }
func (c connector) Driver() driver.Driver                        { return &sqlite.Driver{} }

// Package store opens the database of a service: a file of SQLite, or a schema of PostgreSQL. SQL is written once: $1, $2 for
// arguments, TEXT, BIGINT, BOOLEAN and BYTEA-free columns, times as milliseconds since 1970, ON CONFLICT.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A Dialect is what a database speaks.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// A DB is the database of one service.
type DB struct {
	*sql.DB
	Dialect Dialect
	// Of SQLite only:
	writer chan struct{} // full while a transaction writes
	kept   *statements
}

// A Querier is a database or a transaction, without the right to end it.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Migrations are the steps that make the tables of one part: goose's files. Where the dialects differ, FS has a folder for each
// ("sqlite", "postgres"); else the files lie at its root, or in its folder "migrations", as embed.FS has them. Every part keeps
// its own account of what was done (table "migrations_<Name>"), so that inbox, outbox and the service itself don't count each
// other's steps.
type Migrations struct {
	Name string
	FS   fs.FS
}

// Opener opens a database, as sql.Open does. Hooks replace it.
type Opener func(driver, dsn string) (*sql.DB, error)

// Open opens the database at url, and makes or mends its tables. open is sql.Open if nil. No error shows a password.
//   - "file:/folder/order.db" is SQLite. The folder is there already.
//   - "postgres://user:password@host/shop?search_path=order" is PostgreSQL. The database is there already; the schema is made.
//   - Opened by several programs at once, each step is taken once. A program that is older than the tables leaves them alone.
func Open(ctx context.Context, url string, open Opener, sets ...Migrations) (*DB, error) {
	if open == nil {
		open = sql.Open
	}
	t, err := parse(url)
	if err != nil {
		return nil, err
	}
	conns, err := open(t.driver, t.dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", t.name, err)
	}
	db := &DB{DB: conns, Dialect: t.dialect}
	// A database has few connections to give away, and all services may share one; SQLite has one writer anyhow. Those who
	// find none wait for one here, which costs less than to wait inside the database.
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	if t.dialect == SQLite {
		db.writer = make(chan struct{}, 1)
		db.kept = &statements{db: conns, byText: map[string]*sql.Stmt{}}
	}
	if err := db.migrate(ctx, t, sets); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", t.name, err)
	}
	return db, nil
}

// Do runs fn in a transaction, and commits if it returns nil. The error of fn is returned as it is, and a panic of it goes on;
// both leave nothing in the database. An error of the commit itself may mean either: that nothing was done, or that all was and
// the answer got lost.
//   - Within fn, use tx: another transaction of SQLite, begun in fn, would wait for this one.
//   - PostgreSQL ends a transaction at its first failing statement: what may happen twice is written with ON CONFLICT.
func (db *DB) Do(ctx context.Context, fn func(tx Querier) error) error {
	if err := db.takeTurn(ctx); err != nil {
		return err
	}
	defer db.endTurn()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.Rollback() // on every way out, a panic too; no effect after Commit
	var q Querier = tx
	if db.kept != nil {
		q = quickTx{tx, db.kept, map[string]bool{}}
	}
	if err := fn(q); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	return nil
}

// patience is how long a writer of SQLite waits for the others, in this program and in others.
const patience = 10 * time.Second

// takeTurn waits until no other transaction of this program writes to SQLite. SQLite itself lets those who wait sleep and look
// again, up to 100 ms at a time and in no order: here they are woken, the first one first.
func (db *DB) takeTurn(ctx context.Context) error {
	if db.writer == nil {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case db.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for other transactions: %w", ctx.Err())
	case <-timer.C:
		return fmt.Errorf("other transactions have kept the database for %v", patience)
	}
}

func (db *DB) endTurn() {
	if db.writer != nil {
		<-db.writer
	}
}

// IsUnique tells whether a statement failed because what it writes must be there once, and is there: a unique constraint or a
// primary key. On PostgreSQL the transaction is lost then: who wants to go on writes ON CONFLICT.
func IsUnique(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" // unique_violation, PostgreSQL's Appendix A
}

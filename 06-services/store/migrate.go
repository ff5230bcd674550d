package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// migrate makes the tables. One program at a time does so: who comes second finds the work done.
func (db *DB) migrate(ctx context.Context, t target, sets []Migrations) (err error) {
	unlock, err := db.lock(ctx, t)
	if err != nil {
		return err
	}
	defer unlock()
	if t.schema != "" {
		if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{t.schema}.Sanitize()); err != nil {
			return fmt.Errorf("make schema %s: %w", t.schema, err)
		}
	}
	for _, set := range sets {
		if err := db.apply(ctx, set); err != nil {
			return fmt.Errorf("make the tables of %s: %w", set.Name, err)
		}
	}
	return nil
}

// apply takes the steps of one part that were not taken yet, each in a transaction with the note that it is done.
func (db *DB) apply(ctx context.Context, set Migrations) error {
	files, err := db.files(set.FS)
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if db.Dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	steps, err := goose.NewProvider(dialect, db.DB, files, goose.WithTableName("migrations_"+set.Name),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = steps.Up(ctx)
	return err
}

// files finds the folder of a part's steps: see Migrations.
func (db *DB) files(in fs.FS) (fs.FS, error) {
	for _, folder := range []string{"migrations/" + string(db.Dialect), string(db.Dialect), "migrations"} {
		if info, err := fs.Stat(in, folder); err == nil && info.IsDir() {
			return fs.Sub(in, folder)
		}
	}
	return in, nil
}

// lock keeps other programs from making tables until unlock is called, or this program dies.
func (db *DB) lock(ctx context.Context, t target) (unlock func(), err error) {
	if db.Dialect == Postgres {
		return db.lockPostgres(ctx, t.schema)
	}
	return lockSQLite(ctx, t.path)
}

// lockPostgres takes an advisory lock: it belongs to the connection, and goes with it
// (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
func (db *DB) lockPostgres(ctx context.Context, schema string) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	key := "the tables of schema " + schema
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", key); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("wait for others that make tables: %w", err)
	}
	return func() {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
		if err != nil { // it may still have the lock: it must not go back into the pool
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		_ = conn.Close()
	}, nil
}

// lockSQLite takes the right to write to an empty file beside the database. The right to write to the database itself ends with
// a transaction, and every step is one of its own.
func lockSQLite(ctx context.Context, path string) (unlock func(), err error) {
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s.lock?_txlock=immediate&_pragma=busy_timeout(%d)", path,
		patience.Milliseconds()))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("wait for others that make tables: %w", err)
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

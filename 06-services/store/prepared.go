package store

import (
	"context"
	"database/sql"
	"sync"
)

// keptAtMost is how many texts are kept: a program that makes its statements from data must not fill the memory.
const keptAtMost = 512

// statements keeps those of SQLite prepared, by their text: to read a statement takes it longer than to execute it. pgx does so
// for PostgreSQL by itself.
type statements struct {
	db     *sql.DB
	mu     sync.Mutex
	byText map[string]*sql.Stmt
}

// get returns a prepared statement, or nil if it can't be kept: then who executes it hears what is wrong with it.
func (s *statements) get(ctx context.Context, query string) *sql.Stmt {
	s.mu.Lock()
	kept, full := s.byText[query], len(s.byText) >= keptAtMost
	s.mu.Unlock()
	if kept != nil || full {
		return kept
	}
	fresh, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept = s.byText[query]; kept != nil { // another was faster
		_ = fresh.Close()
		return kept
	}
	s.byText[query] = fresh
	return fresh
}

// A quickTx is a transaction of SQLite whose statements are kept prepared. To watch whether ctx ends while a statement of some
// microseconds runs costs as much as the statement, so it is looked at before.
type quickTx struct {
	*sql.Tx
	kept  *statements
	asked map[string]bool // by QueryContext
}

func (t quickTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s := t.kept.get(ctx, query); s != nil {
		return t.Tx.StmtContext(ctx, s).ExecContext(context.WithoutCancel(ctx), args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

// QueryContext keeps the statement prepared when the transaction asks it for the first time. A statement has one result at a
// time, and the rows of the first may be open while the same is asked again: so the others have a statement for each call.
func (t quickTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if ctx.Err() != nil || t.asked[query] {
		return t.Tx.QueryContext(ctx, query, args...)
	}
	s := t.kept.get(ctx, query)
	if s == nil {
		return t.Tx.QueryContext(ctx, query, args...)
	}
	t.asked[query] = true
	return t.Tx.StmtContext(ctx, s).QueryContext(context.WithoutCancel(ctx), args...)
}

// QueryRowContext is for who calls Scan at once. While rows of the same text are open it has a statement of its own.
func (t quickTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s := t.kept.get(ctx, query)
	if s == nil || ctx.Err() != nil || t.asked[query] {
		return t.Tx.QueryRowContext(ctx, query, args...)
	}
	return t.Tx.StmtContext(ctx, s).QueryRowContext(context.WithoutCancel(ctx), args...)
}

// QueryContext is that of sql.DB, with SQLite's statements kept prepared.
func (db *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := db.prepared(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return db.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of sql.DB, with SQLite's statements kept prepared.
func (db *DB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := db.prepared(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return db.DB.QueryRowContext(ctx, query, args...)
}

func (db *DB) prepared(ctx context.Context, query string) *sql.Stmt {
	if db.kept == nil {
		return nil
	}
	return db.kept.get(ctx, query)
}

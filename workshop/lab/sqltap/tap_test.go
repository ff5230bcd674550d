package sqltap_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab/sqltap"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func newTap(t *testing.T) (*sqltap.Tap, *store) {
	s := newStore()
	tap := sqltap.New(s)
	t.Cleanup(tap.Close)
	return tap, s
}

// putBoth puts two things in one transaction, the second by a prepared statement.
func putBoth(ctx context.Context, db *sql.DB, first, second string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after Commit
	if _, err := tx.ExecContext(ctx, "PUT  "+first); err != nil {
		return err
	}
	prepared, err := tx.PrepareContext(ctx, "PUT\n\t"+second)
	if err != nil {
		return err
	}
	defer prepared.Close()
	if _, err := prepared.ExecContext(ctx); err != nil {
		return err
	}
	return tx.Commit()
}

func things(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.Query("SELECT things")
	require.NoError(t, err)
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var thing string
		require.NoError(t, rows.Scan(&thing))
		all = append(all, thing)
	}
	require.NoError(t, rows.Err())
	return all
}

func TestStepsAreCounted(t *testing.T) {
	t.Parallel()
	tap, _ := newTap(t)
	db := tap.Open()
	require.NoError(t, db.Ping())
	require.NoError(t, putBoth(t.Context(), db.DB, "order-1", "order-2"))
	require.Equal(t, []string{"order-1", "order-2"}, things(t, db.DB))
	tx, err := db.Begin()
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.Equal(t, []string{"begin", "PUT order-1", "PUT order-2", "commit", "SELECT things", "begin", "rollback"}, db.Steps())
	require.False(t, db.Crashed())
	require.Equal(t, "no crash", db.String())
}

func TestSweepCrashesAtEveryStep(t *testing.T) {
	t.Parallel()
	for when, want := range map[sqltap.When][]string{
		sqltap.Before: {
			"crashed before step 1 (begin)", "crashed before step 2 (PUT order-1)", "crashed before step 3 (PUT order-2)",
			"crashed before step 4 (commit)", "no crash",
		},
		sqltap.After: {
			"crashed after step 1 (begin)", "crashed after step 2 (PUT order-1)", "crashed after step 3 (PUT order-2)",
			"crashed after step 4 (commit)", "no crash",
		},
	} {
		tap, s := newTap(t)
		said := []string{}
		for db := range tap.Sweep(t, when) {
			died := 0
			db.OnCrash(func() { died++ })
			clear(s.things)
			err := putBoth(t.Context(), db.DB, "order-1", "order-2")
			said = append(said, db.String())

			committed := !db.Crashed() || db.String() == "crashed after step 4 (commit)"
			require.Equal(t, committed, len(s.committed()) == 2, db)
			require.Contains(t, []int{0, 2}, len(s.committed()), db)
			if db.Crashed() {
				require.ErrorIs(t, err, sqltap.ErrCrashed)
				require.ErrorIs(t, db.Ping(), sqltap.ErrCrashed)
				require.Equal(t, 1, died)
				require.Zero(t, s.connections(), "%s: what a dead program had open is closed", db)
			} else {
				require.NoError(t, err)
				require.Zero(t, died)
			}
			after := tap.Open()
			require.NoError(t, putBoth(t.Context(), after.DB, "order-3", "order-4"), "the next program has its turn")
			require.NoError(t, after.Close())
		}
		require.Equal(t, want, said)
	}
}

func TestOneWritesAndTheOthersWait(t *testing.T) {
	t.Parallel()
	tap, s := newTap(t)
	a, b := tap.Open(), tap.Open()
	held := a.HoldAt(3)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- putBoth(context.Background(), a.DB, "order-1", "order-2") }()
	require.Eventually(t, held.Reached, patience, time.Millisecond)
	require.Empty(t, things(t, b.DB), "who reads waits for nobody")
	go func() {
		_, err := b.Exec("PUT order-3") // a transaction of its own
		second <- err
	}()
	require.Eventually(t, func() bool { return tap.Waiting() == 1 }, patience, time.Millisecond)
	require.Empty(t, s.committed())

	ctx, cancel := context.WithCancel(t.Context())
	third := make(chan error, 1)
	go func() { third <- putBoth(ctx, b.DB, "order-5", "order-6") }()
	require.Eventually(t, func() bool { return tap.Waiting() == 2 }, patience, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-third, context.Canceled)

	held.Release()
	held.Release()
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	require.Equal(t, []string{"order-1", "order-2", "order-3"}, s.committed())
	require.Zero(t, tap.Waiting())
}

func TestTransactionsMayBeBegunByStatements(t *testing.T) {
	t.Parallel()
	tap, s := newTap(t)
	a, b := tap.Open(), tap.Open()
	for _, end := range []string{"COMMIT", "ROLLBACK"} {
		c, err := a.Conn(t.Context())
		require.NoError(t, err)
		for _, text := range []string{"BEGIN IMMEDIATE", "PUT order-1"} {
			_, err := c.ExecContext(t.Context(), text)
			require.NoError(t, err)
		}
		second := make(chan error, 1)
		go func() {
			_, err := b.Exec("PUT order-2")
			second <- err
		}()
		require.Eventually(t, func() bool { return tap.Waiting() == 1 }, patience, time.Millisecond)
		_, err = c.ExecContext(t.Context(), end)
		require.NoError(t, err)
		require.NoError(t, <-second)
		require.NoError(t, c.Close())
		require.Equal(t, end == "COMMIT", len(s.committed()) == 2)
		clear(s.things)
	}
}

func TestACrashEndsWhatWaits(t *testing.T) {
	t.Parallel()
	tap, s := newTap(t)
	a, b := tap.Open(), tap.Open()
	held := a.HoldAt(2)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- putBoth(context.Background(), a.DB, "order-1", "order-2") }()
	require.Eventually(t, held.Reached, patience, time.Millisecond)
	go func() { second <- putBoth(context.Background(), b.DB, "order-3", "order-4") }()
	require.Eventually(t, func() bool { return tap.Waiting() == 1 }, patience, time.Millisecond)

	b.Crash()
	require.ErrorIs(t, <-second, sqltap.ErrCrashed)
	a.Crash()
	a.Crash()
	require.ErrorIs(t, <-first, sqltap.ErrCrashed)
	require.Empty(t, s.committed())
	require.Equal(t, "crashed", a.String())
	require.NoError(t, putBoth(t.Context(), tap.Open().DB, "order-1", "order-2"))
}

func TestAHeldStepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	tap, s := newTap(t)
	db := tap.Open()
	held := db.HoldAt(1)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- putBoth(ctx, db.DB, "order-1", "order-2") }()
	require.Eventually(t, held.Reached, patience, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	require.Empty(t, s.committed())
	require.False(t, db.Crashed())
}

func TestAWrongStatementIsTheDriversError(t *testing.T) {
	t.Parallel()
	tap, _ := newTap(t)
	db := tap.Open()
	_, err := db.Exec("POKE order-1")
	require.EqualError(t, err, "no such statement: POKE")
	require.NoError(t, putBoth(t.Context(), db.DB, "order-1", "order-2"), "and it has no turn any more")
}

func TestAStepThatFailsDoesNotHappen(t *testing.T) {
	t.Parallel()
	tap, s := newTap(t)
	for n := 1; n <= 4; n++ {
		db := tap.Open()
		full := errors.New("the disk is full")
		db.FailAt(n, full)
		require.ErrorIs(t, putBoth(t.Context(), db.DB, "order-1", "order-2"), full)
		require.Empty(t, s.committed())
		require.False(t, db.Crashed())
		require.NoError(t, putBoth(t.Context(), db.DB, "order-1", "order-2"), "the program lives on")
		require.Len(t, s.committed(), 2)
		clear(s.things)
	}
}

package inbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
	"warren.example/workshop/lab/sqltap"
)

// tapped opens a database of SQLite for the test, and a tap on it for programs that die.
func tapped(t *testing.T) (db *store.DB, tap *sqltap.Tap, open func(p *sqltap.Program) (*store.DB, error)) {
	t.Helper()
	url := storetest.SQLite(t)
	db, err := store.Open(t.Context(), url, func(name, dsn string) (*sql.DB, error) {
		db, err := sql.Open(name, dsn)
		require.NoError(t, err)
		tap = sqltap.New(connector{db.Driver(), dsn})
		return db, nil
	}, sold, outbox.Migrations, inbox.Migrations)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	t.Cleanup(tap.Close)
	return db, tap, func(p *sqltap.Program) (*store.DB, error) {
		return store.Open(t.Context(), url, func(string, string) (*sql.DB, error) { return p.DB, nil },
			sold, outbox.Migrations, inbox.Migrations)
	}
}

// A program handles a group and dies at its first step, then at its second … RabbitMQ has no ack, and delivers the group again,
// to another.
func TestACrashAtEveryStep(t *testing.T) {
	for _, when := range []sqltap.When{sqltap.Before, sqltap.After} {
		t.Run(when.String(), func(t *testing.T) {
			db, tap, open := tapped(t)
			healthy := newShop(db, nil)
			programs := 0
			want := map[string]int{}
			for p := range tap.Sweep(t, when) {
				programs++
				var group []events.Message
				for i := range 3 {
					order := fmt.Sprint(programs, "-", i)
					want[order] = 1
					group = append(group, commit(t, order))
				}
				if mortal, err := open(p); err == nil {
					newShop(mortal, nil).inbox.Handle(t.Context(), group)
				}
				require.Equal(t, []error{nil, nil, nil}, healthy.inbox.Handle(t.Context(), group))
			}
			require.Greater(t, programs, 10)
			require.Equal(t, want, healthy.sales(t))
			require.GreaterOrEqual(t, healthy.answers(t), len(want))
		})
	}
}

// Each step of the database fails once, and the program lives on: what is reported as done is done, and nothing is done twice.
func TestAFailureOfEveryStep(t *testing.T) {
	db, tap, open := tapped(t)
	healthy := newShop(db, nil)
	failure := errors.New("the disk is full")
	p := tap.Open()
	mortal, err := open(p)
	require.NoError(t, err)
	s := newShop(mortal, nil)
	want := map[string]int{}
	for n := 1; n < 12; n++ {
		group := []events.Message{commit(t, fmt.Sprint(n, "-a")), commit(t, fmt.Sprint(n, "-b"))}
		want[group[0].Correlation], want[group[1].Correlation] = 1, 1
		p.FailAt(n, failure)
		errs := s.inbox.Handle(t.Context(), group)
		sales := healthy.sales(t)
		for i, m := range group {
			require.Equal(t, errs[i] == nil, sales[m.Correlation] == 1, "step %d: %v, %v", n, errs[i], sales)
		}
		require.Equal(t, []error{nil, nil}, healthy.inbox.Handle(t.Context(), group))
	}
	require.Equal(t, want, healthy.sales(t))
}

type connector struct {
	driver driver.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

package inbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// sold is a table of the service: how often each order's goods were sold.
var sold = store.Migrations{Name: "sold", FS: fstest.MapFS{"00001_sold.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE sold (id TEXT PRIMARY KEY, times BIGINT NOT NULL);\n")}}}

var errNo = errors.New("no")

// A shop is a service with an inbox. Its handler sells, and says so; it answers again when it is asked again.
type shop struct {
	db    *store.DB
	inbox *inbox.Inbox
	box   *outbox.Box
	asked map[string]int // how often the handler was asked about an order, and the answer again
	again map[string]int
	fails map[string]func() error // by order, called within the effect after its changes
}

func newShop(db *store.DB, now func() time.Time) *shop {
	s := &shop{db: db, box: outbox.New(db, "inventory", now), asked: map[string]int{}, again: map[string]int{},
		fails: map[string]func() error{}}
	effect := func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO sold (id, times) VALUES ($1, 1) "+
			"ON CONFLICT (id) DO UPDATE SET times = sold.times + 1", p.Order)
		if err != nil {
			return err
		}
		if err := tx.Send(ctx, events.StockCommitted(p), events.About{Correlation: p.Order, Cause: m.ID}); err != nil {
			return err
		}
		if fail := s.fails[p.Order]; fail != nil {
			return fail()
		}
		return nil
	}
	h := inbox.Handlers{}
	inbox.OnCommand(h, effect, func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
		s.again[p.Order]++
		return tx.Send(ctx, events.StockCommitted(p), events.About{Correlation: p.Order, Cause: "again"})
	})
	handle := h["stock.commit"].Handle
	h["stock.commit"] = inbox.Handler{Again: h["stock.commit"].Again,
		Handle: func(ctx context.Context, m events.Message) (inbox.Effect, error) {
			s.asked[m.Correlation]++
			if m.Correlation == "panics early" {
				panic("early")
			}
			return handle(ctx, m)
		}}
	inbox.On(h, func(context.Context, *outbox.Tx, events.Message, events.StockLevel) error { return nil })
	s.inbox = inbox.New(db, s.box, now, h)
	return s
}

func all(open storetest.Open, t *testing.T) *store.DB {
	t.Helper()
	return open(t, sold, outbox.Migrations, inbox.Migrations)
}

func commit(t testing.TB, order string) events.Message {
	t.Helper()
	m, err := events.New(events.StockCommit{Order: order}, events.About{Correlation: order})
	require.NoError(t, err)
	return m
}

// sales returns how often each order was sold.
func (s *shop) sales(t *testing.T) map[string]int {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), "SELECT id, times FROM sold")
	require.NoError(t, err)
	defer rows.Close()
	got := map[string]int{}
	for rows.Next() {
		var id string
		var times int
		require.NoError(t, rows.Scan(&id, &times))
		got[id] = times
	}
	require.NoError(t, rows.Err())
	return got
}

func (s *shop) answers(t *testing.T) int {
	t.Helper()
	n, err := s.box.Pending(t.Context())
	require.NoError(t, err)
	return int(n)
}

func TestOnceHoweverOftenItComes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s := newShop(all(open, t), nil)
		a, b := commit(t, "a"), commit(t, "b")
		require.Equal(t, []error{nil, nil, nil}, s.inbox.Handle(t.Context(), []events.Message{a, b, a}))
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.sales(t))
		require.Equal(t, 2, s.answers(t))
		require.Empty(t, s.again, "twice in a group is once")

		require.Equal(t, []error{nil}, s.inbox.Handle(t.Context(), []events.Message{a}))
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.sales(t))
		require.Equal(t, 3, s.answers(t), "answered again")
		require.Equal(t, map[string]int{"a": 1}, s.again)
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.asked, "who is known isn't handled")

		require.Equal(t, []error{nil, nil}, s.inbox.Handle(t.Context(), []events.Message{b, commit(t, "c")}))
		require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, s.sales(t))
		require.Empty(t, s.inbox.Handle(t.Context(), nil))
	})
}

func TestAnEventThatComesAgainIsIgnored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s := newShop(all(open, t), nil)
		m, err := events.New(events.StockLevel{SKU: "a"}, events.About{})
		require.NoError(t, err)
		for range 2 {
			require.Equal(t, []error{nil}, s.inbox.Handle(t.Context(), []events.Message{m}))
		}
	})
}

func TestWhatNobodyCanDo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s := newShop(all(open, t), nil)
		unknown, broken, noID, zero, bytes := commit(t, "u"), commit(t, "x"), commit(t, "n"), commit(t, "z"), commit(t, "y")
		unknown.Type, broken.Body, noID.ID, zero.ID, bytes.ID = "stock.unknown", []byte("{"), "", "a\x00b", "a\xffb"
		group := []events.Message{commit(t, "a"), unknown, broken, noID, zero, bytes, commit(t, "b")}
		errs := s.inbox.Handle(t.Context(), group)
		require.NoError(t, errs[0])
		for _, err := range errs[1:6] {
			require.ErrorIs(t, err, events.ErrMalformed)
		}
		require.NoError(t, errs[6])
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.sales(t))
	})
}

func TestOneThatFailsLeavesTheOthersDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s := newShop(all(open, t), nil)
		s.fails["fails"] = func() error { return errNo }
		s.fails["panics"] = func() error { panic("late") }
		s.fails["breaks"] = func() error {
			_, err := s.db.ExecContext(t.Context(), "INSERT INTO nowhere (id) VALUES (1)")
			return err
		}
		var group []events.Message
		for _, order := range []string{"a", "fails", "b", "panics", "panics early", "breaks", "c"} {
			group = append(group, commit(t, order))
		}
		errs := s.inbox.Handle(t.Context(), group)
		for i, m := range group {
			good := len(m.Correlation) == 1
			require.Equal(t, good, errs[i] == nil, "%s: %v", m.Correlation, errs[i])
			require.Equal(t, 1, s.asked[m.Correlation], "asked once for group and single")
			require.NotErrorIs(t, errs[i], events.ErrMalformed)
		}
		require.ErrorIs(t, errs[1], errNo)
		require.ErrorContains(t, errs[3], "late")
		require.ErrorContains(t, errs[4], "early")
		require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, s.sales(t))
		require.Equal(t, 3, s.answers(t))

		clear(s.fails)
		require.Equal(t, make([]error, 4), s.inbox.Handle(t.Context(), group[:4]))
		require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "fails": 1, "panics": 1}, s.sales(t), "new when it comes again")
	})
}

// Two programs get the same message at the same time, as after a lost connection: one does it, the other answers again.
func TestTwoProgramsAtOnce(t *testing.T) {
	const rounds, size = 20, 8
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		shops := []*shop{newShop(all(open, t), nil), newShop(all(open, t), nil)}
		want := map[string]int{}
		for round := range rounds {
			var group, reverse []events.Message
			for i := range size {
				order := fmt.Sprint(round, "-", i)
				want[order] = 1
				m := commit(t, order)
				group, reverse = append(group, m), append([]events.Message{m}, reverse...)
			}
			var both sync.WaitGroup
			errs := make([][]error, 2)
			both.Go(func() { errs[0] = shops[0].inbox.Handle(t.Context(), group) })
			both.Go(func() { errs[1] = shops[1].inbox.Handle(t.Context(), reverse) })
			both.Wait()
			require.Equal(t, make([]error, size), errs[0])
			require.Equal(t, make([]error, size), errs[1])
		}
		require.Equal(t, want, shops[0].sales(t))
		require.Equal(t, 2*rounds*size, shops[0].answers(t), "each is answered, and answered again")
	})
}

// The other program does it between this one's look and its mark.
func TestDoneByAnotherInBetween(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s, other := newShop(all(open, t), nil), newShop(all(open, t), nil)
		a, b := commit(t, "a"), commit(t, "b")
		h := inbox.Handlers{}
		inbox.OnCommand(h, func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
			t.Error("it is done a second time")
			return nil
		}, func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
			s.again[p.Order]++
			return nil
		})
		handle := h["stock.commit"].Handle
		h["stock.commit"] = inbox.Handler{Again: h["stock.commit"].Again,
			Handle: func(ctx context.Context, m events.Message) (inbox.Effect, error) {
				require.Equal(t, []error{nil}, other.inbox.Handle(ctx, []events.Message{m}))
				return handle(ctx, m)
			}}
		late := inbox.New(s.db, s.box, nil, h)
		require.Equal(t, []error{nil, nil}, late.Handle(t.Context(), []events.Message{a, b}))
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.again)
		require.Equal(t, map[string]int{"a": 1, "b": 1}, s.sales(t))
	})
}

func TestWithoutADatabaseNothingIsDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		s := newShop(all(open, t), nil)
		ctx, cancel := context.WithCancel(t.Context())
		s.fails["a"] = func() error { cancel(); return nil }
		group := []events.Message{commit(t, "a"), commit(t, "b")}
		for _, err := range s.inbox.Handle(ctx, group) {
			require.Error(t, err)
		}
		for _, err := range s.inbox.Handle(ctx, group) {
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Empty(t, s.sales(t))
		require.Zero(t, s.answers(t))
		require.Equal(t, []error{nil, nil}, s.inbox.Handle(t.Context(), group))
	})
}

func TestForget(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := all(open, t)
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		s := newShop(db, func() time.Time { return now })
		const old = 2500
		require.NoError(t, db.Do(t.Context(), func(tx store.Querier) error {
			for i := range old {
				_, err := tx.ExecContext(t.Context(), "INSERT INTO inbox (id, done_at) VALUES ($1, $2)", fmt.Sprint("m", i), i)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		a := commit(t, "a")
		require.Equal(t, []error{nil}, s.inbox.Handle(t.Context(), []events.Message{a}))

		n, err := s.inbox.Forget(t.Context(), time.UnixMilli(0))
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = s.inbox.Forget(t.Context(), now)
		require.NoError(t, err)
		require.EqualValues(t, old, n)
		require.Equal(t, []error{nil}, s.inbox.Handle(t.Context(), []events.Message{a}))
		require.Equal(t, map[string]int{"a": 1}, s.sales(t), "what was done at that time stays")

		n, err = s.inbox.Forget(t.Context(), now.Add(time.Millisecond))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		var left sql.NullString
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT MAX(id) FROM inbox").Scan(&left))
		require.False(t, left.Valid, left.String)
	})
}

type key struct{}

func TestAroundEachMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db := all(open, t)
		traces := map[string]string{}
		box := outbox.New(db, "inventory", nil, func(ctx context.Context, m *events.Message) {
			traces[m.Correlation], _ = ctx.Value(key{}).(string)
		})
		h := inbox.Handlers{}
		inbox.On(h, func(ctx context.Context, tx *outbox.Tx, m events.Message, p events.StockCommit) error {
			if p.Order == "fails" {
				return errNo
			}
			return tx.Send(ctx, events.StockCommitted(p), events.About{Correlation: p.Order})
		})
		in := inbox.New(db, box, nil, h)
		ends, observed := map[string]error{}, map[string]float64{}
		in.Around = func(ctx context.Context, m events.Message) (context.Context, func(error)) {
			return context.WithValue(ctx, key{}, "trace of "+m.Correlation), func(err error) { ends[m.Correlation] = err }
		}
		in.Observe = func(name string, value float64) { observed[name] += value }
		group := []events.Message{commit(t, "a"), commit(t, "fails"), commit(t, "b")}
		in.Handle(t.Context(), group)
		in.Handle(t.Context(), group[:1])
		require.Equal(t, map[string]string{"a": "trace of a", "b": "trace of b"}, traces)
		require.Len(t, ends, 3)
		require.NoError(t, errors.Join(ends["a"], ends["b"]))
		require.ErrorIs(t, ends["fails"], errNo)
		require.Equal(t, map[string]float64{"inbox.done": 2, "inbox.hit": 1, "inbox.failed": 1}, observed)
	})
}

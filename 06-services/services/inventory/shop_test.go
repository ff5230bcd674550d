package inventory_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/services/inventory"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// A shop is an inventory with its database, and somebody who reads what it sends.
type shop struct {
	*service.Service
	db    *store.DB
	inbox *inbox.Inbox
	sent  chan events.Message
	key   auth.Key
	clock atomic.Int64 // milliseconds
}

func (s *shop) now() time.Time { return time.UnixMilli(s.clock.Load()) }

// Publish takes what the outbox sends.
func (s *shop) Publish(_ context.Context, messages []events.Message) []error {
	for _, m := range messages {
		s.sent <- m
	}
	return make([]error, len(messages))
}

func newShop(t testing.TB, db *store.DB) *shop {
	s := &shop{db: db, sent: make(chan events.Message, 10000)}
	s.clock.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
	var err error
	s.key, err = auth.NewKey()
	require.NoError(t, err)
	box := outbox.New(db, "inventory", s.now)
	s.Service, err = inventory.New(t.Context(), &service.Env{Name: "inventory", DB: db, Box: box, Now: s.now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Verifier: auth.Fixed(s.key.Public(), s.now),
		Observe: func(string, float64, ...string) {}})
	require.NoError(t, err)
	s.inbox = inbox.New(db, box, s.now, s.Commands)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- outbox.Relay{Box: box, Publisher: s}.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// message makes a message as the order service does.
func (s *shop) message(t require.TestingT, p events.Payload, about events.About) events.Message {
	about.Service, about.Now = "order", s.now()
	m, err := events.New(p, about)
	require.NoError(t, err)
	return m
}

// do handles a message, which must go well, and returns what was sent because of it: the answer is the last.
func (s *shop) do(t require.TestingT, m events.Message) []events.Message {
	for _, err := range s.inbox.Handle(context.Background(), []events.Message{m}) {
		require.NoError(t, err)
	}
	var sent []events.Message
	for deadline := time.After(20 * time.Second); ; {
		select {
		case got := <-s.sent:
			require.Equal(t, m.ID, got.Cause)
			sent = append(sent, got)
			if got.Type != (events.StockLevel{}).Name() {
				return sent
			}
		case <-deadline:
			require.FailNow(t, "no answer", m.Type)
		}
	}
}

// forget throws away what was sent so far.
func (s *shop) forget() {
	for len(s.sent) > 0 {
		<-s.sent
	}
}

// ask sends a command in a new message and returns the answer.
func (s *shop) ask(t require.TestingT, p events.Payload) events.Message {
	sent := s.do(t, s.message(t, p, events.About{}))
	return sent[len(sent)-1]
}

// supply puts stock into the database without a word.
func (s *shop) supply(t require.TestingT, sku string, n int) {
	_, err := s.db.Exec(`INSERT INTO stock (sku, available, reserved, sold, supplied, version)
		VALUES ($1, $2, 0, 0, $2, 1)`, sku, n)
	require.NoError(t, err)
}

type counts struct{ available, reserved, sold int }

func (s *shop) counts(t require.TestingT, sku string) (c counts) {
	require.NoError(t, s.db.QueryRow("SELECT available, reserved, sold FROM stock WHERE sku = $1", sku).
		Scan(&c.available, &c.reserved, &c.sold))
	return c
}

func decode[P events.Payload](t require.TestingT, m events.Message) P {
	p, err := events.Decode[P](m)
	require.NoError(t, err)
	return p
}

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, s *shop)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) { test(t, newShop(t, openShop(t, open))) })
}

func openShop(t testing.TB, open storetest.Open) *store.DB {
	return open(t, outbox.Migrations, inbox.Migrations, *inventory.Definition.Store)
}

func readLines(t require.TestingT, text string) (ls []events.Line) {
	require.NoError(t, json.Unmarshal([]byte(text), &ls))
	return ls
}

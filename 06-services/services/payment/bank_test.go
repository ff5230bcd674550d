package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/services/payment"
	"warren.example/06-services/services/payment/provider"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// A bank is a payment service and the provider behind it, with a wire between them that can be cut.
type bank struct {
	*service.Service
	db       *store.DB
	box      *outbox.Box
	provider *httptest.Server
	sent     chan events.Message
	key      auth.Key
	clock    atomic.Int64 // milliseconds
	calls    atomic.Int64 // to the provider
	cut      atomic.Pointer[func(*http.Request) cut]
	instead  atomic.Pointer[http.HandlerFunc] // plays the provider if it isn't nil
}

// A cut says where a call fails.
type cut int

const (
	nowhere cut = iota
	before      // the provider never gets it
	after       // the provider does it, and nobody hears
)

var errCut = errors.New("the wire is cut")

// RoundTrip is the wire.
func (b *bank) RoundTrip(r *http.Request) (*http.Response, error) {
	b.calls.Add(1)
	where := nowhere
	if f := b.cut.Load(); f != nil {
		where = (*f)(r)
	}
	if where == before {
		return nil, errCut
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && where == after {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return nil, errCut
	}
	return response, err
}

// Publish takes what the outbox sends.
func (b *bank) Publish(_ context.Context, messages []events.Message) []error {
	for _, m := range messages {
		b.sent <- m
	}
	return make([]error, len(messages))
}

func (b *bank) now() time.Time { return time.UnixMilli(b.clock.Load()) }

func newBank(t testing.TB, open storetest.Open) *bank {
	b := &bank{sent: make(chan events.Message, 10000)}
	b.clock.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixMilli())
	b.db = open(t, outbox.Migrations, inbox.Migrations, *payment.Definition.Store)
	log := slog.New(slog.DiscardHandler)
	theirs := openSQLite(t, *provider.Definition.Store)
	theReal := provider.New(theirs, log, time.Minute)
	b.provider = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead := b.instead.Load(); instead != nil {
			(*instead)(w, r)
			return
		}
		theReal.ServeHTTP(w, r)
	}))
	b.provider.Config.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	b.provider.Start()
	t.Cleanup(b.provider.Close)
	var err error
	b.key, err = auth.NewKey()
	require.NoError(t, err)
	b.box = outbox.New(b.db, "payment", b.now)
	b.Service = b.start(t, patient)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- outbox.Relay{Box: b.box, Publisher: b}.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// How long the provider may take: for ever, as far as a test is concerned, or not long.
const (
	patient = time.Minute
	hasty   = 200 * time.Millisecond
)

// start starts a payment service on the bank's database: one more, or after a crash.
func (b *bank) start(t testing.TB, limit time.Duration) *service.Service {
	s, err := payment.Start(&service.Env{Name: "payment", DB: b.db, Box: b.box, Now: b.now, Log: slog.New(slog.DiscardHandler),
		Verifier: auth.Fixed(b.key.Public(), b.now), HTTP: &http.Client{Transport: b},
		Config: config.Config{Provider: b.provider.URL}, Observe: func(string, float64, ...string) {}}, limit)
	require.NoError(t, err)
	return s
}

// play lets somebody else play the provider, the real one if h is nil.
func (b *bank) play(h http.HandlerFunc) {
	if h == nil {
		b.instead.Store(nil)
		return
	}
	b.instead.Store(&h)
}

// openSQLite is for what has no subtests.
func openSQLite(t testing.TB, sets ...store.Migrations) *store.DB {
	db, err := store.Open(context.Background(), storetest.SQLite(t), nil, sets...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, b *bank)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) { test(t, newBank(t, open)) })
}

func (b *bank) message(t require.TestingT, p events.Payload, notAfter time.Time) events.Message {
	m, err := events.New(p, events.About{Service: "order", Now: b.now(), NotAfter: notAfter})
	require.NoError(t, err)
	return m
}

// handle handles a message as the bus does, in a program of its own.
func (b *bank) handle(m events.Message) error { return b.handleUntil(context.Background(), m) }

func (b *bank) handleUntil(ctx context.Context, m events.Message) error {
	return inbox.New(b.db, b.box, b.now, b.Commands).Handle(ctx, []events.Message{m})[0]
}

// answer returns the next message that was sent.
func (b *bank) answer(t require.TestingT) events.Message {
	select {
	case m := <-b.sent:
		return m
	case <-time.After(20 * time.Second):
		require.FailNow(t, "no answer")
		return events.Message{}
	}
}

// ask sends a command in a new message and returns the answer.
func (b *bank) ask(t require.TestingT, p events.Payload) events.Payload {
	return b.askAs(t, b.message(t, p, time.Time{}))
}

func (b *bank) askAs(t require.TestingT, m events.Message) events.Payload {
	require.NoError(t, b.handle(m))
	got := b.answer(t)
	require.Equal(t, m.ID, got.Cause)
	return payload(t, got)
}

func payload(t require.TestingT, m events.Message) (p events.Payload) {
	var err error
	switch m.Type {
	case "payment.captured":
		p, err = events.Decode[events.PaymentCaptured](m)
	case "payment.declined":
		p, err = events.Decode[events.PaymentDeclined](m)
	case "payment.voided":
		p, err = events.Decode[events.PaymentVoided](m)
	case "payment.refunded":
		p, err = events.Decode[events.PaymentRefunded](m)
	default:
		p, err = events.Decode[events.PaymentRefundFailed](m)
	}
	require.NoError(t, err)
	return p
}

func (b *bank) state(t require.TestingT, order string) (s payment.State) {
	require.NoError(t, b.db.QueryRow("SELECT state FROM payments WHERE order_id = $1", order).Scan(&s))
	return s
}

// account is what the provider says of a charge; its zero value is none.
func (b *bank) account(t require.TestingT, order string) (c provider.Charge) {
	response, err := http.Get(b.provider.URL + "/charges/" + order)
	require.NoError(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		require.NoError(t, json.NewDecoder(response.Body).Decode(&c))
	}
	return c
}

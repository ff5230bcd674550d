// Package servicetest puts one service on a stage: with a database, without a broker. Tests hand it messages, and read what it
// sends.
package servicetest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// A Stage is a service with its database.
type Stage struct {
	*service.Service
	DB *store.DB

	inbox *inbox.Inbox
	box   *outbox.Box
	key   auth.Key
	clock atomic.Int64 // milliseconds since 1970

	mu   sync.Mutex
	sent []events.Message
	news chan struct{} // holds one if something was sent
}

// New puts a service on the stage. Opened twice, it is two instances.
func New(t testing.TB, d service.Definition, open storetest.Open, c config.Config) *Stage {
	t.Helper()
	s := &Stage{DB: open(t, outbox.Migrations, inbox.Migrations, *d.Store), news: make(chan struct{}, 1)}
	s.clock.Store(eventstest.Time.UnixMilli())
	s.box = outbox.New(s.DB, d.Name, s.Now)
	var err error
	s.key, err = auth.NewKey()
	require.NoError(t, err)
	s.Service, err = d.New(t.Context(), &service.Env{Name: d.Name, Config: c, DB: s.DB, Box: s.box, Now: s.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Verifier: auth.Fixed(s.key.Public(), s.Now),
		Observe: func(string, float64, ...string) {}, Broker: func() error { return nil }})
	require.NoError(t, err)
	handlers := inbox.Handlers{}
	for _, some := range []inbox.Handlers{s.Commands, s.Events} {
		for name, h := range some {
			handlers[name] = h
		}
	}
	s.inbox = inbox.New(s.DB, s.box, s.Now, handlers)
	s.run(t, func(ctx context.Context) error { return outbox.Relay{Box: s.box, Publisher: s}.Run(ctx) })
	return s
}

// Now is the time on stage.
func (s *Stage) Now() time.Time { return time.UnixMilli(s.clock.Load()).UTC() }

// Pass lets time pass on stage.
func (s *Stage) Pass(d time.Duration) { s.clock.Add(d.Milliseconds()) }

// Publish takes what the service sends.
func (s *Stage) Publish(_ context.Context, messages []events.Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, messages...)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return make([]error, len(messages))
}

// Sent returns what the service has sent since it was asked last.
func (s *Stage) Sent(t testing.TB) []events.Message {
	t.Helper()
	require.Eventually(t, func() bool {
		pending, err := s.box.Pending(t.Context())
		return err == nil && pending == 0
	}, 20*time.Second, time.Millisecond)
	return s.take()
}

// Await is Sent for what a job sends: it waits until there is something.
func (s *Stage) Await(t testing.TB) []events.Message {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		if sent := s.take(); len(sent) > 0 {
			return sent
		}
		select {
		case <-s.news:
		case <-deadline:
			require.FailNow(t, "nothing is sent")
		}
	}
}

func (s *Stage) take() []events.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Say makes a message, as its sender would.
func (s *Stage) Say(t testing.TB, p events.Payload, a events.About) events.Message {
	t.Helper()
	a.Now = s.Now()
	return eventstest.Message(t, p, a)
}

// Handle hands the service a message.
func (s *Stage) Handle(ctx context.Context, m events.Message) error {
	return s.inbox.Handle(ctx, []events.Message{m})[0]
}

// Hear hands the service messages, one after another, and wants them done.
func (s *Stage) Hear(t testing.TB, messages ...events.Message) {
	t.Helper()
	for _, m := range messages {
		require.NoError(t, s.Handle(t.Context(), m), m.Type)
	}
}

// RunJobs runs the service's jobs until the test is over.
func (s *Stage) RunJobs(t testing.TB) {
	for _, job := range s.Jobs {
		s.run(t, job.Run)
	}
}

func (s *Stage) run(t testing.TB, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// Token returns a customer's token.
func (s *Stage) Token(t testing.TB, c auth.Customer) string {
	t.Helper()
	token, err := auth.Signer{Key: s.key, Now: s.Now}.Sign(c)
	require.NoError(t, err)
	return token
}

// Ask sends a request and reads the answer into v, if v isn't nil. It returns the status.
func (s *Stage) Ask(t testing.TB, method, path, token, body string, v any) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.HTTP.ServeHTTP(w, r)
	if v != nil && w.Code < http.StatusBadRequest {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), v), w.Body.String())
	}
	return w.Code
}

package httpx

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The headers that requests between the services of the shop carry. Carry writes them, Wrap reads them.
const (
	DeadlineHeader  = "Shop-Deadline" // how many milliseconds the asker still waits; a span, since clocks differ
	RequestIDHeader = "X-Request-Id"
)

// Options are for Wrap. The zero value is fine.
type Options struct {
	Log     *slog.Logger                                       // nil: slog.Default
	Observe func(name string, value float64, labels ...string) // counts "http.panic"; nil: nobody does
	Wait    time.Duration                                      // how long a request may take; 0 is 10 s
}

// Wrap does around a handler what all services do alike:
//   - A panic is logged, counted, and answered with 500. If the answer has begun, the connection breaks instead, so that nobody
//     takes a half for the whole. http.ErrAbortHandler is passed on: it is a handler's way to ask for just that.
//   - Each request has an id, its own or a new one. It is in the context, the answer, the log, and in what Carry writes.
//   - The context ends when the asker no longer waits (DeadlineHeader), and after Options.Wait at the latest.
//   - Browsers are told to guess and keep nothing.
//   - The access log is written at level debug, without the query: it may name people.
func Wrap(next http.Handler, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Observe == nil {
		o.Observe = func(string, float64, ...string) {}
	}
	if o.Wait <= 0 {
		o.Wait = 10 * time.Second
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r)
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), idKey{}, id), patience(r, o.Wait))
		defer cancel()
		log := o.Log.With("request", id, "method", r.Method, "path", r.URL.Path)
		answer := &recorder{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // net/http compares it in this way, too
				o.Observe("http.panic", 1)
				log.Error("a handler panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				if answer.status == 0 {
					Fail(answer, http.StatusInternalServerError, "")
					cause = nil
				} else {
					cause = http.ErrAbortHandler
				}
			}
			log.Debug("answered", "status", answer.status, "bytes", answer.bytes, "took", time.Since(began))
			if cause != nil {
				panic(cause)
			}
		}()
		secure(w.Header())
		w.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// Carry writes into the headers of a request to another service what Wrap reads there: how long ctx still lasts, and the id of
// the request that is being answered.
func Carry(ctx context.Context, h http.Header) {
	if end, ok := ctx.Deadline(); ok {
		h.Set(DeadlineHeader, strconv.FormatInt(max(1, time.Until(end).Milliseconds()), 10))
	}
	if id := RequestID(ctx); id != "" {
		h.Set(RequestIDHeader, id)
	}
}

// RequestID returns the id of the request that ctx belongs to, or "" outside of Wrap.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

type idKey struct{}

// requestID takes the asker's id only if it is harmless in logs and headers.
func requestID(r *http.Request) string {
	id := r.Header.Get(RequestIDHeader)
	if len(id) == 0 || len(id) > 64 {
		return uuid.NewString()
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return uuid.NewString()
		}
	}
	return id
}

// patience is how long the asker still waits, but no longer than most.
func patience(r *http.Request, most time.Duration) time.Duration {
	left, err := strconv.ParseInt(r.Header.Get(DeadlineHeader), 10, 64)
	if err != nil || left < 0 || left > most.Milliseconds() {
		return most
	}
	return time.Duration(left) * time.Millisecond
}

// secure sets what OWASP's REST Security Cheat Sheet asks of an API. A handler may say Cache-Control otherwise.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int // 0: nothing yet
	bytes  int64
}

func (a *recorder) WriteHeader(status int) {
	if a.status == 0 && status >= 200 { // 1xx come before the answer
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *recorder) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find Flush and the deadlines.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

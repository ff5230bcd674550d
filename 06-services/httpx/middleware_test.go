package httpx

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPanicIsAnswered(t *testing.T) {
	var log bytes.Buffer
	counted := ""
	h := Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret") }), Options{
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
		Observe: func(name string, _ float64, _ ...string) { counted += name },
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/path?name=ann", nil))
	require.Equal(t, 500, problemOf(t, w).Status)
	require.NotContains(t, w.Body.String(), "secret")
	require.Equal(t, "http.panic", counted)
	require.Contains(t, log.String(), "the secret")
	require.Contains(t, log.String(), "middleware_test.go", "the stack")
	require.Contains(t, log.String(), w.Header().Get(RequestIDHeader))
	require.NotContains(t, log.String(), "ann")
}

// TestAPanicAfterTheAnswerBeganBreaksIt: who asked must not take a half for the whole.
func TestAPanicAfterTheAnswerBeganBreaksIt(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("late")
	}), Options{Log: quiet}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // a test
	_, err = io.ReadAll(response.Body)
	require.Error(t, err)

	h := Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), Options{Log: quiet,
		Observe: func(string, float64, ...string) { t.Error("ErrAbortHandler is no accident") }})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	})
}

func TestTheDeadline(t *testing.T) {
	const most = time.Hour
	for header, c := range map[string]struct{ least, most time.Duration }{
		"":                     {most - time.Minute, most},
		"60000":                {50 * time.Second, time.Minute},
		"7200000":              {most - time.Minute, most},
		"99999999999999999":    {most - time.Minute, most}, // times a million it would be below zero
		"99999999999999999999": {most - time.Minute, most},
		"-1":                   {most - time.Minute, most},
		"soon":                 {most - time.Minute, most},
		"0":                    {-time.Minute, 0},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(DeadlineHeader, header)
		var left time.Duration
		onward := http.Header{}
		Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			end, ok := r.Context().Deadline()
			require.True(t, ok)
			left = time.Until(end)
			Carry(r.Context(), onward)
		}), Options{Wait: most}).ServeHTTP(httptest.NewRecorder(), r)
		require.Greater(t, left, c.least, header)
		require.LessOrEqual(t, left, c.most, header)
		passed, err := strconv.Atoi(onward.Get(DeadlineHeader))
		require.NoError(t, err)
		require.Positive(t, passed, "0 would look like a context that is over already")
		require.LessOrEqual(t, passed, int(most.Milliseconds()))
	}
	none := http.Header{}
	Carry(context.Background(), none)
	require.Empty(t, none)
}

func TestTheRequestID(t *testing.T) {
	for given, kept := range map[string]bool{"abc-1_Z": true, "": false, "a b": false, "a\nb": false,
		string(bytes.Repeat([]byte("x"), 65)): false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header[RequestIDHeader] = []string{given}
		w := httptest.NewRecorder()
		var inside, onward string
		Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			h := http.Header{}
			Carry(r.Context(), h)
			inside, onward = RequestID(r.Context()), h.Get(RequestIDHeader)
		}), Options{}).ServeHTTP(w, r)
		require.NotEmpty(t, inside)
		require.Equal(t, kept, inside == given)
		require.Equal(t, inside, onward)
		require.Equal(t, inside, w.Header().Get(RequestIDHeader))
	}
	require.Empty(t, RequestID(context.Background()))
}

func TestTheHeadersAndTheLog(t *testing.T) {
	var log bytes.Buffer
	h := Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=5")
		_, _ = io.WriteString(w, "hello")
	}), Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/a?token=secret", nil))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.Equal(t, "max-age=5", w.Header().Get("Cache-Control"))
	require.Contains(t, log.String(), "status=200")
	require.Contains(t, log.String(), "bytes=5")
	require.Contains(t, log.String(), "path=/a ")
	require.NotContains(t, log.String(), "secret")
}

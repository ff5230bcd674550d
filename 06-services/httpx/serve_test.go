package httpx

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestServeFinishesWhatIsUnderWay: ctx ends while a handler works. It is neither cancelled nor cut off, and nobody new gets in.
func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	began, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-finish
		if r.Context().Err() == nil {
			_, _ = io.WriteString(w, "done")
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, handler, slog.New(slog.DiscardHandler)) }()

	type result struct {
		body string
		err  error
	}
	asked := make(chan result, 1)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() {
		response, err := (&http.Client{Transport: transport}).Get("http://" + listener.Addr().String())
		if err != nil {
			asked <- result{"", err}
			return
		}
		defer response.Body.Close() //nolint:errcheck // a test
		body, err := io.ReadAll(response.Body)
		asked <- result{string(body), err}
	}()
	<-began
	stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, 5*time.Millisecond, "it still takes new connections")
	select {
	case err := <-served:
		t.Fatalf("Serve returned before the handler: %v", err)
	default:
	}
	close(finish)
	require.Equal(t, result{"done", nil}, <-asked)
	require.NoError(t, <-served)
}

func TestServeSaysThatItCannot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	err = Serve(t.Context(), listener, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, net.ErrClosed)
}

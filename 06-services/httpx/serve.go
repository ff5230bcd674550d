package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How patient Serve is. A client that sends or takes a byte at a time must not hold a connection for ever (Slowloris).
const (
	headerTime = 5 * time.Second  // for a request's header
	readTime   = 15 * time.Second // for all of a request
	writeTime  = 60 * time.Second // from the end of the header to the end of the answer
	idleTime   = 90 * time.Second // between two requests
	graceTime  = 10 * time.Second // for what is under way when ctx ends
	maxHeader  = 16 << 10         // bytes; net/http adds 4096
)

// Serve answers requests that come to listener, and closes it. When ctx ends it takes no more of them, lets those that are
// under way finish, and returns nil; what isn't finished after 10 s is broken off, and an error says so. The contexts of
// requests don't end with ctx. For TLS pass a listener of crypto/tls. What net/http has to complain about goes to log, as a
// warning.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve HTTP at %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = fmt.Errorf("requests at %s broken off: %w", listener.Addr(), errors.Join(err, server.Close()))
	}
	<-ended
	return err
}

package shop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"warren.example/06-services/httpx"
	"warren.example/06-services/service"
)

// A door is where a service listens for HTTP. It is open from the start, so that /health can tell how far the service is.
type door struct {
	name     string
	version  string
	listener net.Listener
	mutual   bool // who comes in needs a certificate
	inside   atomic.Pointer[inside]
}

// inside is what lies behind a door once the service is ready.
type inside struct {
	handler http.Handler
	ready   func(context.Context) error
}

// Health is the answer to GET /health.
type Health struct {
	Status    string    `json:"status"` // "ok", "starting" or "unavailable"
	Timestamp time.Time `json:"timestamp"`
	Version   string    `json:"version"`
}

// open lets requests through to the service.
func (d *door) open(s *service.Service) {
	in := &inside{handler: s.HTTP, ready: s.Ready}
	if in.handler == nil {
		in.handler = httpx.NewRouter() // knows no path
	}
	if in.ready == nil {
		in.ready = func(context.Context) error { return nil }
	}
	d.inside.Store(in)
}

// ServeHTTP answers /health itself and passes the rest on.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := d.inside.Load()
	switch {
	case r.URL.Path == "/health" && r.Method == http.MethodGet:
		d.health(w, r, in)
	case d.mutual && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0):
		httpx.Fail(w, http.StatusForbidden, "this service wants a certificate of the shop")
	case in == nil:
		w.Header().Set("Retry-After", "1")
		httpx.Fail(w, http.StatusServiceUnavailable, d.name+" is not ready")
	default:
		in.handler.ServeHTTP(w, r)
	}
}

func (d *door) health(w http.ResponseWriter, r *http.Request, in *inside) {
	h, status := Health{Status: "ok", Timestamp: time.Now().UTC(), Version: d.version}, http.StatusOK
	if in == nil {
		h.Status, status = "starting", http.StatusServiceUnavailable
	} else if in.ready(r.Context()) != nil {
		h.Status, status = "unavailable", http.StatusServiceUnavailable
	}
	httpx.Write(w, status, h)
}

// listen opens a port. Port 0 is any free one.
func listen(address string, settings *tls.Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if settings != nil {
		listener = tls.NewListener(listener, settings)
	}
	return listener, nil
}

// listenForCustomers opens the gateway's port: the address that is set, else port 8080, or any free one if that is taken.
func listenForCustomers(address string, settings *tls.Config) (net.Listener, error) {
	if address != "" {
		return listen(address, settings)
	}
	if listener, err := listen("127.0.0.1:8080", settings); err == nil {
		return listener, nil
	}
	return listen("127.0.0.1:0", settings)
}

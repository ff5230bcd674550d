package minirabbit

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/httpapi"
)

// door is a port where clients come in. A nil door is closed.
type door struct {
	listener net.Listener
	done     sync.WaitGroup
}

// acceptPause is how long a door that can let nobody in waits before it tries again.
const acceptPause = 5 * time.Millisecond

// openDoor has serve called, in a goroutine of its own, for each connection.
func openDoor(where string, secure *tls.Config, serve serveConn) (*door, error) {
	listener, err := net.Listen("tcp", where)
	if err != nil {
		return nil, err
	}
	d := &door{listener: listener}
	d.done.Go(func() {
		for {
			socket, err := listener.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil: // no file descriptors left, or the client is gone already
				time.Sleep(acceptPause)
				continue
			case secure != nil:
				socket = tls.Server(socket, secure)
			}
			go serve(socket) // after Stop or Kill it ends by itself
		}
	})
	return d, nil
}

func (d *door) address() string { return d.listener.Addr().String() }

// close ends listening.
func (d *door) close() {
	if d != nil {
		_ = d.listener.Close()
		d.done.Wait()
	}
}

// management is the management API at its port. A nil one is not served.
type management struct {
	gate     gate
	server   *http.Server
	listener net.Listener
	done     sync.WaitGroup
}

func openManagement(b *broker.Broker, where string, config httpapi.Config) (*management, error) {
	if where == "" {
		where = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", where)
	if err != nil {
		return nil, err
	}
	config.Listeners = append(config.Listeners, listenerAt("http", listener.Addr().String()))
	api := httpapi.New(b, config)
	m := &management{listener: listener}
	m.server = &http.Server{Handler: m.gate.guard(api), ReadHeaderTimeout: 10 * time.Second}
	m.done.Go(func() { _ = m.server.Serve(listener) }) // ErrServerClosed
	return m, nil
}

func (m *management) address() string { return m.listener.Addr().String() }

// close ends all connections, and returns when no request is worked on any more.
func (m *management) close() {
	if m != nil {
		m.gate.lock()
		_ = m.server.Close()
		m.gate.inside.Wait()
		m.done.Wait()
	}
}

// listeners tells the management API about the AMQP port. The lock is held.
func (s *Server) listeners() []httpapi.Listener {
	protocol := "amqp"
	if s.options.tls != nil {
		protocol = "amqp/ssl"
	}
	return []httpapi.Listener{listenerAt(protocol, s.address)}
}

func listenerAt(protocol, address string) httpapi.Listener {
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port)
	return httpapi.Listener{Protocol: protocol, Address: host, Port: number}
}

// address makes a URL. In AMQP's the virtual host is one escaped segment; "/" alone may stand as it is, since clients take
// an empty one for it.
func address(scheme, user, password, where, virtualHost string) string {
	u := url.URL{Scheme: scheme, User: url.UserPassword(user, password), Host: where}
	switch virtualHost {
	case "":
		return u.String()
	case "/":
		return u.String() + "/"
	}
	return u.String() + "/" + url.PathEscape(virtualHost)
}

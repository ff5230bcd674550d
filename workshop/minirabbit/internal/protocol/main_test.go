package protocol_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a server that listens.
type served struct {
	*protocol.Server
	broker  *broker.Broker
	address string

	mu     sync.Mutex // guards what follows
	events []protocol.Event
	happen chan struct{} // one place: an event was added
}

// serve starts a server with these settings; Broker and Record are filled in.
func serve(t *testing.T, c protocol.Config) *served {
	t.Helper()
	s := &served{broker: broker.New(broker.Options{Version: c.Version}), happen: make(chan struct{}, 1)}
	c.Broker = s.broker
	c.Record = s.record
	s.Server = protocol.New(c)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.address = listener.Addr().String()
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go s.Serve(socket)
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		s.Kill()
		s.broker.Close()
	})
	return s
}

func (s *served) record(e protocol.Event) {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	select {
	case s.happen <- struct{}{}:
	default:
	}
}

// wait returns the first event of the kind, when it has happened.
func (s *served) wait(kind protocol.EventKind) protocol.Event {
	for {
		s.mu.Lock()
		for _, e := range s.events {
			if e.Kind == kind {
				s.mu.Unlock()
				return e
			}
		}
		s.mu.Unlock()
		<-s.happen
	}
}

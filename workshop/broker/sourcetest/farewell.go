package sourcetest

import (
	"bytes"
	"net"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

// forced is how connection.close (class 10, method 50) with the code 320, CONNECTION_FORCED, begins on the wire (AMQP 0-9-1
// section 1.4.2.7).
var forced = []byte{0, 10, 0, 50, 320 >> 8, 320 & 0xff}

// A witness is a client's connection that remembers what the broker said. What amqp091-go reports is no proof of a
// farewell: RabbitMQ hangs up right after it, and when the client's close-ok then can't be written, that error may overtake
// the farewell's code.
type witness struct {
	net.Conn

	mu    sync.Mutex // guards heard
	heard bytes.Buffer
}

func (w *witness) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard.Write(p[:n])
	return n, err
}

// heardFarewell reports whether the broker has told that it closes the connection.
func (w *witness) heardFarewell() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.heard.Bytes(), forced)
}

// watch opens a connection on a node. The channel gets a value when it is closed.
func watch(t *testing.T, n broker.Node) (*witness, <-chan *amqp.Error) {
	t.Helper()
	w := &witness{}
	conn, err := amqp.DialConfig(n.Info().AMQP, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		raw, err := net.Dial(network, address)
		w.Conn = raw
		return w, err
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the node may be dead
	return w, conn.NotifyClose(make(chan *amqp.Error, 1))
}

// requireClosed waits until a connection is closed.
func requireClosed(t *testing.T, closed <-chan *amqp.Error) {
	t.Helper()
	select {
	case <-closed:
	case <-deadline(t).Done():
		require.Fail(t, "the connection is still open")
	}
}

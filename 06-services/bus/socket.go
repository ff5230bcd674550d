package bus

import (
	"net"
	"sync"
	"time"
)

// A socket is a connection to RabbitMQ whose Write never waits: it keeps the bytes, and a goroutine writes all that there are
// at once. So what many publish at the same time goes out in a few system calls, where amqp091-go makes one per message; and
// nobody hangs in Write while RabbitMQ reads nothing (connection.blocked), which no context could end. Whoever writes must
// limit himself: a publisher by its window, a consumer by its prefetch.
type socket struct {
	net.Conn
	wake chan struct{} // there is something to write, or the end
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	bytes  []byte // not written yet
	closed bool
	err    error // of the last write
}

func newSocket(conn net.Conn) *socket {
	s := &socket{Conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.write()
	return s
}

// Write takes bytes. That a write failed is told by the next one, and ends the connection.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return 0, s.err
	case s.closed:
		return 0, net.ErrClosed
	}
	s.bytes = append(s.bytes, b...)
	s.signal()
	return len(b), nil
}

func (s *socket) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// write writes until Close or an error.
func (s *socket) write() {
	defer close(s.done)
	var bytes []byte
	for range s.wake {
		s.mu.Lock()
		bytes, s.bytes = s.bytes, bytes[:0]
		closed := s.closed
		s.mu.Unlock()
		if len(bytes) > 0 {
			if _, err := s.Conn.Write(bytes); err != nil {
				s.mu.Lock()
				s.err = err
				s.mu.Unlock()
				s.Conn.Close() // who reads learns it
				return
			}
		}
		if closed {
			return
		}
	}
}

// Close writes what is left, the answer to RabbitMQ's close for one, for a second at most, and closes the connection.
func (s *socket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.signal()
	s.mu.Unlock()
	s.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	<-s.done
	return s.Conn.Close()
}

package protocol

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// attention is what other goroutines want of the reader, and how they wake it: wherever it waits, in a read or for wake.
type attention struct {
	wake chan struct{} // one place
	some atomic.Bool   // something below changed

	mu      sync.Mutex // guards what follows
	notices []notice
	reads   bool // the reader waits in reads, and not in a TLS handshake, which would fail for good
	roused  bool // the socket's read deadline is in the past
	paused  bool
	over    bool   // the socket is closed
	why     string // of the end
	limit   *time.Timer
	late    string // why, when the limit is over
	host    *vhost.Conn
}

// notice is what somebody asks for. Only one field is set, beside now.
type notice struct {
	close *fault.Error // the connection shall end with this error
	now   bool         // with close: the broker stops and does not wait long
	alarm *string      // the alarm is this now
}

// needed tells whether take has something to say.
func (a *attention) needed() bool { return a.some.Load() }

// take returns all notices, and makes reading possible again.
func (a *attention) take(socket net.Conn) (over, paused bool, notices []notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	notices, a.notices = a.notices, nil
	if a.roused {
		a.roused = false
		_ = socket.SetReadDeadline(time.Time{})
	}
	a.some.Store(a.paused || a.over)
	return a.over, a.paused, notices
}

// change does something with the lock held and has the reader call take then.
func (c *connection) change(do func()) {
	c.mu.Lock()
	do()
	c.some.Store(true)
	if c.reads && !c.roused && !c.over {
		c.roused = true
		_ = c.socket.SetReadDeadline(time.Unix(1, 0))
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// rouse has the reader look whether it may go on. Safe for all goroutines, as are the following.
func (c *connection) rouse() { c.change(func() {}) }

// leave gives the reader a notice.
func (c *connection) leave(n notice) { c.change(func() { c.notices = append(c.notices, n) }) }

// setPaused makes the connection deaf and mute, or ends that.
func (c *connection) setPaused(on bool) {
	c.change(func() { c.paused = on })
	c.out.pause(on)
}

// because remembers why the connection ends. The first reason counts.
func (c *connection) because(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == "" {
		c.why = why
	}
}

// cut closes the socket.
func (c *connection) cut(why string) {
	c.because(why)
	c.change(func() { c.over = true })
	socket := c.socket
	if secure, ok := socket.(*tls.Conn); ok {
		socket = secure.NetConn()
	}
	if tcp, ok := socket.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the client sees a reset, as with RabbitMQ
	}
	_ = socket.Close()
	c.out.stop()
}

// listen says that the reader begins to read.
func (c *connection) listen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads = true
}

// endIn cuts the connection when d has passed, in real time, and not at an earlier limit. Time in which the server is paused
// does not count.
func (c *connection) endIn(d time.Duration, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = why
	if c.limit != nil {
		c.limit.Stop()
	}
	c.limit = time.AfterFunc(d, func() { c.expire(d) })
}

// stay takes the limit away.
func (c *connection) stay() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit.Stop()
}

func (c *connection) expire(d time.Duration) {
	c.mu.Lock()
	why, paused := c.late, c.paused
	if paused && !c.over {
		c.limit.Reset(d)
	}
	c.mu.Unlock()
	if !paused {
		c.cut(why)
	}
}

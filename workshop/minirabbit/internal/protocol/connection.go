package protocol

import (
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/wire"
)

// state is how far a connection has come. The names are RabbitMQ's, which tells them in errors.
type state string

const (
	starting state = "starting" // connection.start was sent, or not even that
	tuning   state = "tuning"
	opening  state = "opening"
	running  state = "running"
	closed   state = "closed" // connection.close or close-ok was sent
)

// connection is one client. All but what has a lock of its own belongs to the reader, the goroutine of run.
type connection struct {
	server *Server
	socket net.Conn
	name   string

	input    input
	received atomic.Uint64 // bytes
	out      *outbox
	writer   *writer
	attention

	state      state
	greeted    bool // the protocol header came
	deaf       bool // what comes can't be understood: it is thrown away until the client goes
	properties wire.Table
	user       broker.User
	tuned      wire.ConnectionTuneOk
	heartbeat  *heartbeat
	registered *broker.Connection // nil before connection.open
	channels   map[uint16]*channel
	recent     *channel // used last
	budget     budget

	alarm   string // the broker's; "" for none
	blocked bool   // by the alarm, having published since
	told    bool   // connection.blocked was sent
}

func newConnection(s *Server, socket net.Conn, number int64) *connection {
	c := &connection{
		server:   s,
		socket:   socket,
		name:     socket.RemoteAddr().String() + " -> " + socket.LocalAddr().String(),
		state:    starting,
		channels: make(map[uint16]*channel),
		budget:   budget{left: maxOpenContent},
	}
	c.out = newOutbox(s.config.MaxUnsent, func() { c.cut("the client does not read what is sent to it") })
	c.attention.wake = make(chan struct{}, 1)
	smallest := s.config.Version.MinFrameMax()
	c.input = input{source: socket, frameMax: smallest}
	c.writer = &writer{out: c.out, socket: socket, room: c.resume, wake: c.rouse}
	c.writer.failed = func(err error) { c.cut("cannot write: " + err.Error()) }
	c.writer.done = func() {
		_ = socket.Close() // with TLS, tells the client that this is the end
		c.cut("")
	}
	c.writer.frameMax.Store(smallest)
	if seed := s.config.Hostility; seed != 0 {
		c.writer.hostile = rand.New(rand.NewPCG(uint64(seed), uint64(number)))
	}
	c.endIn(s.config.HandshakeTimeout, "handshake timeout")
	return c
}

// run speaks with the client until the end.
func (c *connection) run() {
	var writing sync.WaitGroup
	defer writing.Wait()
	defer c.end()
	if secure, ok := c.socket.(*tls.Conn); ok {
		if !c.attend() {
			return
		}
		if err := secure.Handshake(); err != nil {
			c.cut("TLS: " + err.Error())
			return
		}
	}
	c.listen()
	writing.Go(c.writer.run)
	for c.attend() && c.readMore() {
		c.out.cork()
		for c.attend() && c.step() {
		}
		c.out.uncork()
	}
}

// readMore waits for bytes. It returns false at the end of the connection.
func (c *connection) readMore() bool {
	n, err := c.input.read()
	c.received.Add(uint64(n))
	switch {
	case err == nil:
		if c.deaf {
			c.input.discard()
		}
		return true
	case errors.Is(err, os.ErrDeadlineExceeded): // rouse
		return true
	case errors.Is(err, io.EOF):
		c.because(leftSilently)
	default:
		c.because("cannot read: " + err.Error())
	}
	return false
}

// step handles one frame. It returns false if more bytes are needed.
func (c *connection) step() bool {
	if c.deaf {
		return false
	}
	if !c.greeted {
		return c.protocolHeader()
	}
	frame, ok, err := c.input.buffered()
	if err != nil {
		c.deaf = true
		c.input.discard()
		c.fail(err)
		c.endIn(c.server.config.Grace, "the client did not leave after its error")
		return false
	}
	if ok {
		c.handle(frame)
	}
	return ok
}

// attend does what others asked for, and waits as long as nothing may be read. It returns false at the end of the
// connection.
func (c *connection) attend() bool {
	for {
		over, held := false, false
		if c.needed() {
			var notices []notice
			over, held, notices = c.take(c.socket)
			for _, n := range notices {
				c.heed(n)
			}
		}
		if over {
			return false
		}
		if !held && !c.blocked && !c.out.overfull() {
			c.heartbeat.watch(true)
			return true
		}
		c.heartbeat.watch(false)
		c.out.uncork()
		<-c.wake
	}
}

// heed does what a notice asks for.
func (c *connection) heed(n notice) {
	switch {
	case n.alarm != nil:
		c.setAlarm(*n.alarm)
	case n.close == nil:
	case c.state == running:
		c.fail(n.close)
		if n.now {
			c.endIn(graceForShutdown, "shutdown")
		}
	case n.now:
		c.cut("shutdown")
	}
}

// resume lets consumers have deliveries again. The writer calls it.
func (c *connection) resume() {
	c.mu.Lock()
	host := c.host
	c.mu.Unlock()
	if host != nil {
		host.Resume()
	}
}

// send queues a method for the client.
func (c *connection) send(channel uint16, m wire.Method) {
	c.out.put(item{channel: channel, method: m})
}

// record tells what happened.
func (c *connection) record(kind EventKind, channel uint16, text string) {
	c.server.config.Record(Event{Kind: kind, Connection: c.name, Channel: channel, Text: text})
}

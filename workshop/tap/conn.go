package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// readSize is how much a pump reads at once, and the receive buffer asked of the system: small, so that the far end soon
// feels it when a pump stops reading.
const readSize = 64 << 10

// conn is one client's connection and the one that the tap made for it to the broker.
type conn struct {
	tap      *Tap
	door     *door
	id       int
	ctx      context.Context // ends with the setting up, or ends it
	stop     context.CancelFunc
	over     chan struct{} // closed when all goroutines of the connection have ended
	toClient *outbox
	toBroker *outbox

	// The rest is guarded by Tap.mu.

	streams  [2]stream // what comes from Client, what comes from Broker
	ended    int       // how many of the two have ended
	cutOff   bool      // nothing is handled any more
	gone     bool      // the client ended it, or it was cut
	bye      bool      // its end is recorded
	hole     *Rule     // the BlackHole that it fell into
	session  session
	channels map[uint16]*channel
}

func newConn(t *Tap, d *door, id int, client net.Conn) *conn {
	c := &conn{
		tap: t, door: d, id: id, over: make(chan struct{}),
		toClient: newOutbox(client), toBroker: newOutbox(nil),
		channels: map[uint16]*channel{},
	}
	c.ctx, c.stop = context.WithCancel(t.ctx)
	for i := range c.streams {
		c.streams[i] = newStream(t.config.BodyLimit)
	}
	return c
}

// to returns the outbox for what goes to a side.
func (c *conn) to(s Side) *outbox {
	if s == Client {
		return c.toClient
	}
	return c.toBroker
}

// run serves the connection to its end. It is the first of the connection's goroutines; the drawing in doc.go has the
// four others.
func (c *conn) run() {
	defer c.tap.work.Done()
	defer close(c.over)
	defer c.stop()
	if err := c.connect(); err != nil {
		c.tap.mu.Lock()
		defer c.tap.mu.Unlock()
		c.goodbye(err.Error())
		c.gone = true
		reset(c.toClient.socket)
		return
	}
	var four sync.WaitGroup
	four.Add(4)
	go func() { defer four.Done(); c.pump(Client) }()
	go func() { defer four.Done(); c.pump(Broker) }()
	go func() { defer four.Done(); c.toClient.run() }()
	go func() { defer four.Done(); c.toBroker.run() }()
	four.Wait()
	c.toClient.finish(killed)
	c.toBroker.finish(killed)
	c.toClient.discard()
	c.toBroker.discard()
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.gone, c.cutOff = true, true
	c.streams = [2]stream{} // what is left are the facts for Tap.Connections
	c.channels = nil
}

// connect dials the broker and decides about TLS. After it the sockets stay as they are.
func (c *conn) connect() error {
	client := c.toClient.socket
	release := context.AfterFunc(c.ctx, func() { client.Close() })
	defer release()
	var dialer net.Dialer
	broker, err := c.door.dial(c.ctx, &dialer)
	if err != nil {
		return err
	}
	for _, socket := range []net.Conn{client, broker} {
		if tcp, ok := socket.(*net.TCPConn); ok {
			tcp.SetReadBuffer(readSize)
		}
	}
	secured, err := c.secure(pair{client, broker})
	if err == nil && release() && c.toBroker.connect(secured.broker) && c.toClient.connect(secured.client) {
		return nil
	}
	reset(broker)
	if err == nil {
		err = errors.New("cut while it was set up")
	}
	return err
}

// pump is the goroutine that reads what comes from one side, until that side ends or nobody can use what it says.
func (c *conn) pump(from Side) {
	source, out := c.to(from).socket, c.to(from.other())
	buffer := make([]byte, readSize)
	for {
		n, err := source.Read(buffer)
		if n > 0 {
			if rule := out.stoppedBy(); rule != nil {
				rule.struckAt(c)
			}
			if !out.admit() {
				return
			}
			c.take(from, buffer[:n])
		}
		if err != nil {
			c.end(from, err)
			return
		}
	}
}

// take handles what a pump read.
func (c *conn) take(from Side, chunk []byte) {
	c.tap.mu.Lock()
	if !c.cutOff {
		c.decode(from, chunk)
	}
	c.tap.mu.Unlock()
	c.flush()
}

// flush lets the writers go; handling a unit of one side may have put something into both outboxes.
func (c *conn) flush() {
	c.toClient.flush()
	c.toBroker.flush()
}

// end passes on that a side has ended its half, with io.EOF, or broke off.
func (c *conn) end(from Side, err error) {
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	if !c.cutOff {
		c.decodeRest(from)
	}
	c.ended++
	if from == Client {
		c.gone = true
	}
	switch clean := errors.Is(err, io.EOF); {
	case !clean:
		c.goodbye(fmt.Sprintf("%s broke the connection off", from))
	case !c.session.farewell:
		c.goodbye(fmt.Sprintf("%s closed the connection without a farewell", from))
	default:
		c.goodbye(fmt.Sprintf("%s closed the connection", from))
	}
	c.to(from).stopReading(c.to(from).stoppedBy(), nil) // there is nothing to hold back from a side that has ended
	switch {
	case c.ended == 2 && c.hole != nil: // nobody is left to wait until it heals
		c.toClient.finish(killed)
		c.toBroker.finish(killed)
	case c.ended == 2:
		c.toClient.finish(whole)
		c.toBroker.finish(whole)
	case errors.Is(err, io.EOF):
		c.to(from.other()).finish(half)
	default:
		c.to(from.other()).finish(whole)
	}
}

// cut closes both sockets after what was forwarded before. Tap.mu is held.
func (c *conn) cut(why string) {
	if c.cutOff {
		return
	}
	c.cutOff, c.gone = true, true
	c.goodbye(why)
	c.stop()
	c.toClient.cut()
	c.toBroker.cut()
}

// kill closes both sockets now, with what is still to be written. Tap.mu is held.
func (c *conn) kill() {
	c.cutOff, c.gone = true, true
	c.goodbye("closed with the tap")
	c.stop()
	c.toClient.finish(killed)
	c.toBroker.finish(killed)
}

// goodbye records, once, how the connection ended. Tap.mu is held.
func (c *conn) goodbye(how string) {
	if !c.bye {
		c.bye = true
		c.tap.recording.say(aDisconnect, c.id, how)
	}
}

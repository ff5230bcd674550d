package client

import (
	"fmt"
	"net"
	"sync"
	"time"

	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// Event is something that came from the broker. Exactly one of Method, Protocol and End is set.
type Event struct {
	Channel  uint16
	Method   wire.Method
	Content  *notation.Content    // of a method that carries some
	Protocol *wire.ProtocolHeader // the broker speaks another protocol
	End      string               // the connection ended: "closed", or what was not understood
	Number   int                  // counts the connection's events
}

// Name is the method's name, "protocol" or "end".
func (e Event) Name() string {
	switch {
	case e.Method != nil:
		return e.Method.Name()
	case e.Protocol != nil:
		return "protocol"
	default:
		return "end"
	}
}

// String is the event as recordings have it, without the channel.
func (e Event) String() string {
	switch {
	case e.Method != nil:
		return notation.Format(e.Method, e.Content)
	case e.Protocol != nil:
		return "protocol " + e.Protocol.String()
	default:
		return "end: " + e.End
	}
}

// Conn is one connection. Its methods may be called from several goroutines, but only one should wait at a time.
//
//	socket ──▶ read (goroutine) ──▶ events, by channel ──▶ Take
//	   ▲
//	   └────── Send
type Conn struct {
	socket net.Conn
	done   chan struct{} // closed when read has returned

	writing sync.Mutex // one frame or content at a time

	mu      sync.Mutex // guards what follows
	came    *sync.Cond // broadcast after each change
	events  map[uint16][]Event
	count   int
	beats   int
	ended   bool              // the last event was added
	partial map[uint16]*Event // a method whose content is not complete
	left    map[uint16]int64  // bytes of its body to come, -1 before the header
}

// Dial opens a connection and says nothing.
func Dial(address string) (*Conn, error) {
	socket, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	c := &Conn{
		socket:  socket,
		done:    make(chan struct{}),
		events:  map[uint16][]Event{},
		partial: map[uint16]*Event{},
		left:    map[uint16]int64{},
	}
	c.came = sync.NewCond(&c.mu)
	go c.read()
	return c, nil
}

// Name is what RabbitMQ calls the connection: "127.0.0.1:54321 -> 127.0.0.1:5672".
func (c *Conn) Name() string {
	return c.socket.LocalAddr().String() + " -> " + c.socket.RemoteAddr().String()
}

// Hangup closes the socket without a word and waits until reading has ended.
func (c *Conn) Hangup() {
	_ = c.socket.Close()
	<-c.done
}

// Beats is the number of heartbeats that came.
func (c *Conn) Beats() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.beats
}

// Take removes and returns the first event of a channel that wanted accepts, and waits for it until the deadline. What
// comes on channel 0 and ends the connection is returned too, if nothing better is there: nothing more would come. ok is
// false at the deadline, and at once when the connection has ended.
func (c *Conn) Take(channel uint16, deadline time.Time, wanted func(Event) bool) (e Event, ok bool) {
	timer := time.AfterFunc(time.Until(deadline), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.came.Broadcast()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if e, ok := c.pick(channel, wanted); ok {
			return e, true
		}
		if e, ok := c.pick(0, ends); ok {
			return e, true
		}
		if c.ended || !time.Now().Before(deadline) {
			return Event{}, false
		}
		c.came.Wait()
	}
}

// Ended tells whether nothing more can come.
func (c *Conn) Ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// WaitBeats waits until n heartbeats came, or the connection's end, or the deadline.
func (c *Conn) WaitBeats(n int, deadline time.Time) bool {
	timer := time.AfterFunc(time.Until(deadline), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.came.Broadcast()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.beats < n && !c.ended && time.Now().Before(deadline) {
		c.came.Wait()
	}
	return c.beats >= n
}

// ends tells whether nothing more comes after e.
func ends(e Event) bool { return e.Name() == "connection.close" || e.Name() == "end" }

// pick removes and returns the first event of a channel that wanted accepts. c.mu is held.
func (c *Conn) pick(channel uint16, wanted func(Event) bool) (Event, bool) {
	list := c.events[channel]
	for i, e := range list {
		if wanted(e) {
			c.events[channel] = append(list[:i:i], list[i+1:]...)
			return e, true
		}
	}
	return Event{}, false
}

// TakeAll removes and returns what came on a channel and was not taken.
func (c *Conn) TakeAll(channel uint16) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.events[channel]
	delete(c.events, channel)
	return all
}

package tap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// A door is an address for clients, and the node of the broker that it leads to.
//
//	you ─▶ Addr       ─▶ door 0 ─▶ Config.Target   ╮
//	you ─▶ Addrs()[1] ─▶ door 1 ─▶ Config.More[0]  ├ one recording, one list of rules
//	you ─▶ Addrs()[2] ─▶ door 2 ─▶ Config.More[1]  ╯
type door struct {
	number   int // from 0
	target   string
	listener net.Listener
	refusing bool // guarded by Tap.mu
}

// openDoors listens for all targets, or for none.
func openDoors(config Config) ([]*door, error) {
	var doors []*door
	listen := config.Listen
	for i, target := range append([]string{config.Target}, config.More...) {
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			for _, d := range doors {
				d.listener.Close()
			}
			return nil, err
		}
		doors = append(doors, &door{number: i, target: target, listener: listener})
		listen = anyPort
	}
	return doors, nil
}

// Addr returns the address for clients: "127.0.0.1:40123". It leads to Config.Target.
func (t *Tap) Addr() string { return t.doors[0].listener.Addr().String() }

// Addrs returns an address for clients for each node: Addr, and those that lead to Config.More.
func (t *Tap) Addrs() []string {
	var all []string
	for _, d := range t.doors {
		all = append(all, d.listener.Addr().String())
	}
	return all
}

// RefuseAt is Refuse for the connections that come in by Addrs()[door]: to their client the node there looks dead.
func (t *Tap) RefuseAt(door int, on bool) {
	t.mu.Lock()
	t.doors[door].refusing = on
	t.mu.Unlock()
	if on {
		t.cutThose("cut, and new connections are refused", func(c *conn) bool { return c.door.number == door })
	}
}

// cutThose cuts connections and returns when they are.
func (t *Tap) cutThose(why string, which func(*conn) bool) {
	t.mu.Lock()
	conns := slices.DeleteFunc(slices.Clone(t.conns), func(c *conn) bool { return !which(c) })
	for _, c := range conns {
		c.cut(why)
	}
	t.mu.Unlock()
	for _, c := range conns {
		<-c.over
	}
}

// acceptPause is how long the tap waits after it could not accept a connection.
const acceptPause = 50 * time.Millisecond

// accept is the goroutine that takes in new connections by a door.
func (t *Tap) accept(d *door) {
	defer t.work.Done()
	for {
		socket, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, perhaps: it may pass
			select {
			case <-t.ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		}
		t.admit(d, socket)
	}
}

// admit starts a connection for socket, or turns it away.
func (t *Tap) admit(d *door, socket net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.refusing || d.refusing {
		if !t.closed { // recorded first: who is told may look at once
			t.recording.say(aFault, 0, "a new connection is refused"+d.name(t))
		}
		reset(socket)
		return
	}
	c := newConn(t, d, len(t.conns)+1, socket)
	t.conns = append(t.conns, c)
	for _, r := range t.rules {
		if s, ok := r.fault.(starter); ok {
			s.start(r, c)
		}
	}
	t.recording.say(aConnect, c.id, "you connected"+d.name(t))
	t.work.Add(1)
	go c.run()
}

// name is what is added to a text, where there are several doors.
func (d *door) name(t *Tap) string {
	if len(t.doors) == 1 {
		return ""
	}
	return fmt.Sprintf(" to node %d", d.number+1)
}

// dial connects to the node behind the door.
func (d *door) dial(ctx context.Context, dialer *net.Dialer) (net.Conn, error) {
	broker, err := dialer.DialContext(ctx, "tcp", d.target)
	if err != nil {
		return nil, fmt.Errorf("the broker at %s can't be reached: %w", d.target, err)
	}
	return broker, nil
}

// reset closes a socket so that the other end is told of an error and not of an end.
func reset(socket net.Conn) {
	if tcp, ok := socket.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	socket.Close()
}

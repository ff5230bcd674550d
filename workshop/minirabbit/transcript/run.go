package transcript

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"warren.example/workshop/minirabbit/transcript/client"
)

// Result is what a script's run gave.
type Result struct {
	Lines    []string // the transcript
	TimedOut bool     // something that the script waits for did not come; the transcript says what
}

// String is the transcript as text.
func (r Result) String() string { return strings.Join(r.Lines, "\n") + "\n" }

// Run runs a script in a virtual host of its own, which it deletes afterwards. The error tells of a script that can't be
// understood or a broker that can't be reached; whatever the broker answers is no error.
func Run(b Broker, s Script) (Result, error) {
	host, err := b.newHost()
	if err != nil {
		return Result{}, err
	}
	address, user, password, err := b.address()
	if err != nil {
		return Result{}, err
	}
	r := &session{
		broker:      b,
		address:     address,
		login:       client.Login{User: user, Password: password, VHost: host},
		names:       newNames(host),
		connections: map[int]*connection{},
	}
	defer func() {
		for _, c := range r.connections {
			c.Hangup()
		}
		for _, user := range r.users {
			_ = b.call(http.MethodDelete, "users/"+user, nil, nil)
		}
		_ = b.call(http.MethodDelete, "vhosts/"+host, nil, nil)
	}()
	for _, line := range s.Lines {
		r.write(line)
		if err := r.line(r.names.line(line)); err != nil {
			return r.result, fmt.Errorf("script %s: %s: %w", s, line, err)
		}
		if r.result.TimedOut {
			return r.result, nil // what follows would only wait
		}
	}
	r.end()
	return r.result, nil
}

// session is one run of a script.
type session struct {
	broker      Broker
	address     string
	login       client.Login // of connections that open themselves
	names       *names
	connections map[int]*connection // by the number in the script; 0 is the runner's own
	users       []string            // to delete at the end
	result      Result
}

// connection is a client with what the script has seen of it.
type connection struct {
	*client.Conn
	number   int
	raw      bool // the script does the handshake itself
	manual   bool
	dead     bool // its end was seen
	cut      bool // the script stopped the broker under it
	channels map[uint16]*channel
}

// channel is what the script has seen of a channel.
type channel struct {
	open      bool
	consumers map[string]int // number of the consume-ok's event, by tag
	cancelled map[string]int // number of the cancel-ok's event
	settled   map[uint64]string
	cutoff    uint64 // all confirms up to here came
}

func (c *connection) channel(number uint16) *channel {
	ch := c.channels[number]
	if ch == nil {
		ch = &channel{}
		c.channels[number] = ch
	}
	if ch.consumers == nil {
		ch.consumers, ch.cancelled, ch.settled = map[string]int{}, map[string]int{}, map[uint64]string{}
	}
	return ch
}

func (r *session) write(line string) { r.result.Lines = append(r.result.Lines, line) }

// say writes what the broker said.
func (r *session) say(format string, args ...any) { r.write("  " + fmt.Sprintf(format, args...)) }

// timeout says what did not come.
func (r *session) timeout(format string, args ...any) {
	r.result.TimedOut = true
	r.say("TIMEOUT: "+format, args...)
}

func (r *session) deadline() time.Time { return time.Now().Add(r.broker.patience()) }

// dial opens a socket for connection n, in the place of an earlier one.
func (r *session) dial(n int) (*connection, error) {
	if old := r.connections[n]; old != nil {
		old.Hangup()
	}
	conn, err := client.Dial(r.address)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, number: n, channels: map[uint16]*channel{}}
	r.connections[n] = c
	return c, nil
}

// use returns connection n, and opens it if need be.
func (r *session) use(n int) (*connection, error) {
	if c := r.connections[n]; c != nil && !c.dead {
		return c, nil
	}
	c, err := r.dial(n)
	if err != nil {
		return nil, err
	}
	said, err := c.Handshake(r.login, r.broker.patience())
	if err != nil {
		return nil, err
	}
	if last := said[len(said)-1]; last.Name() != "connection.open-ok" {
		return nil, fmt.Errorf("the connection was refused: %s", last)
	}
	return c, nil
}

// end writes what came and nobody asked for.
func (r *session) end() {
	ended := false
	for n := 1; n <= len(r.connections)+8; n++ {
		c := r.connections[n]
		if c == nil || c.raw || c.manual || c.cut {
			continue
		}
		for number := range uint16(32) {
			if ch := c.channels[number]; ch != nil && ch.open && !c.dead {
				r.fence(c, number)
			}
			for _, e := range c.TakeAll(number) {
				if e.Name() == "end" {
					continue // how an ended connection ends is asked for by name
				}
				if !ended {
					r.write("end")
				}
				ended = true
				r.say("c%d.%d: %s", n, number, r.seen(c, e))
			}
		}
	}
}

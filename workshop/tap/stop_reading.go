package tap

import "fmt"

// StopReading makes the tap read no more from a side. The buffers on the way fill up, and then the writer there has to
// wait: so it is when RabbitMQ holds a publisher back. Heartbeats are not read either. It strikes once on each connection,
// when the first bytes come that are left lying. After Rule.Release the tap reads on, on the connections there are.
type StopReading struct {
	From Side // 0: both
	Conn int  // 0: all, and those that come later
}

func (s StopReading) String() string {
	text := "stop reading"
	if s.From != 0 {
		text += " from " + s.From.String()
	}
	if s.Conn != 0 {
		text += fmt.Sprintf(" on connection %d", s.Conn)
	}
	return text
}

func (s StopReading) on() Trigger { return Trigger{Filter: s.filter()} }

func (s StopReading) strike(*Rule, *unit) bool { return false }

func (s StopReading) start(r *Rule, c *conn) {
	for _, from := range []Side{Client, Broker} {
		if f := s.filter(); f.fits(&entry{event: Event{From: from, Conn: c.id}}) {
			c.to(from.other()).stopReading(nil, r)
		}
	}
}

func (s StopReading) heal(r *Rule, c *conn) {
	c.toClient.stopReading(r, nil)
	c.toBroker.stopReading(r, nil)
}

func (s StopReading) filter() Filter { return Filter{From: s.From, Conn: s.Conn} }

// Package diagram draws a recording of package tap as sequence diagrams in plain text, one for each connection. It
// records nothing itself and knows no broker.
//
//	connection 1 "hello" on /shop
//
//	    you                                      broker
//	     │── publish #1…98 key="orders" 5 bytes × 98 ─▶│
//	     │◀───────────────────── ack tag=98 multiple ──│
package diagram

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// Config says how diagrams look. Its zero value is what Draw uses.
type Config struct {
	// Width is how many columns a diagram may have. What is longer is cut. 0 means 110.
	Width int
	// Unfolded gives each event a line of its own, however often the like comes.
	Unfolded bool
}

// Draw writes diagrams as the zero Config says.
func Draw(w io.Writer, events []tap.Event) error { return Config{}.Draw(w, events) }

// Draw writes one diagram for each connection of which events tell, in the order in which they came. Notes stand in each
// diagram during which they were made, and by themselves if there is none. The error is w's.
func (c Config) Draw(w io.Writer, events []tap.Event) error {
	if c.Width == 0 {
		c.Width = 110
	}
	var blocks []string
	for _, s := range sections(events) {
		blocks = append(blocks, s.draw(c))
	}
	_, err := io.WriteString(w, strings.Join(blocks, "\n"))
	return err
}

// section is one connection, with the notes made while it was there; or a note made while none was.
type section struct {
	conn    int // 0: a note
	begin   int // Seq of its first event
	end     int // Seq of its last event, far away if it is still open
	events  []tap.Event
	vhost   string
	name    string
	channel map[uint16]bool // those that were used
}

// sections sorts events by connection.
func sections(events []tap.Event) []*section {
	var all []*section
	byConn := map[int]*section{}
	for _, e := range events {
		if e.Conn == 0 {
			continue
		}
		s := byConn[e.Conn]
		if s == nil {
			const farAway = int(^uint(0) >> 1)
			s = &section{conn: e.Conn, begin: e.Seq, end: farAway, channel: map[uint16]bool{}}
			byConn[e.Conn] = s
			all = append(all, s)
		}
		s.add(e)
	}
	for _, e := range events {
		if e.Conn != 0 {
			continue
		}
		placed := false
		for _, s := range byConn {
			if s.begin < e.Seq && e.Seq < s.end {
				s.events = append(s.events, e)
				placed = true
			}
		}
		if !placed {
			all = append(all, &section{begin: e.Seq, events: []tap.Event{e}})
		}
	}
	for _, s := range all {
		slices.SortStableFunc(s.events, func(a, b tap.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	slices.SortFunc(all, func(a, b *section) int { return cmp.Compare(a.begin, b.begin) })
	return all
}

// add takes in an event of the connection and what it tells about it.
func (s *section) add(e tap.Event) {
	s.events = append(s.events, e)
	if e.Channel != 0 {
		s.channel[e.Channel] = true
	}
	if e.Name() == "disconnect" {
		s.end = e.Seq
	}
	switch m := e.Method.(type) {
	case *wire.ConnectionStartOk:
		if name, ok := m.ClientProperties.Get("connection_name"); ok {
			s.name = name.String()
		}
	case *wire.ConnectionOpen:
		s.vhost = m.VirtualHost
	}
}

// title returns `connection 1 "hello" on /shop`.
func (s *section) title() string {
	title := fmt.Sprintf("connection %d", s.conn)
	if s.name != "" {
		title += " " + s.name
	}
	if s.vhost != "" {
		title += " on " + s.vhost
	}
	return title
}

// draw returns the section's lines.
func (s *section) draw(c Config) string {
	if s.conn == 0 {
		return "* " + s.events[0].Text + "\n"
	}
	var rows []row
	for _, g := range fold(s.events, c.Unfolded) {
		rows = append(rows, s.rows(g)...)
	}
	p := newPaper(rows, c.Width)
	p.head(s.title())
	for _, r := range rows {
		p.draw(r)
	}
	if len(rows) == 0 || rows[len(rows)-1].shape != end {
		p.draw(row{shape: still})
	}
	return p.text.String()
}

// rows returns what is drawn of a group.
func (s *section) rows(g group) []row {
	e := g.first
	switch e.Name() {
	case "connect":
		return nil
	case "disconnect":
		return []row{{shape: end, label: e.Text}}
	case "note", "fault":
		return []row{{shape: note, label: e.Text}}
	}
	r := row{label: g.label(), fromBroker: e.From == tap.Broker}
	if len(s.channel) > 1 && e.Channel != 0 {
		r.label = fmt.Sprintf("(%d) %s", e.Channel, r.label)
	}
	switch {
	case e.From == tap.Here:
		r.shape = fromTap
	case e.Fate == tap.Injected:
		r.shape = fromTap
	case e.Fate == tap.Dropped:
		r.shape = lost
	case e.Fate == tap.Held:
		r.shape = held
	}
	if e.Fault == "" {
		return []row{r}
	}
	return []row{r, {shape: remark, label: e.Fate.String() + ": " + e.Fault}}
}

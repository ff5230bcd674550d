package routing

import (
	"slices"

	"warren.example/workshop/wire"
)

// Message is what routing looks at.
type Message struct {
	Key        string
	More       []string         // further keys, see ExtraKeys
	Properties *wire.Properties // for headers and consistent-hash exchanges; may be nil

	headers map[string]wire.Value // by name; nil until index
}

// header returns the value of a header of the message. Of several with the name, the first counts.
func (m *Message) header(name string) (wire.Value, bool) {
	switch {
	case m.Properties == nil:
		return nil, false
	case m.headers != nil:
		v, ok := m.headers[name]
		return v, ok
	}
	return m.Properties.Headers.Get(name)
}

// index makes header quick where it is called for many names.
func (m *Message) index() {
	if m.Properties == nil || m.headers != nil {
		return
	}
	m.headers = make(map[string]wire.Value, len(m.Properties.Headers))
	for _, f := range slices.Backward(m.Properties.Headers) {
		m.headers[f.Name] = f.Value
	}
}

// Route appends the queues that m reaches from the exchange to queues and returns the longer slice, and false if there is
// no such exchange. Each queue is appended once, however many ways lead to it (e2e). An exchange whose bindings do not
// match at all passes the message to its alternate exchange, if that exists (ae); a queue or an exchange that another way
// has already reached counts as a match. Cycles end where they began. The order has no meaning.
//
// The default exchange routes to the queue that a key names. It does so only for what is published to it: reached as an
// alternate exchange it routes nothing.
//
// Route allocates nothing, apart from room in queues and an index for bindings with many headers. Its cost depends on the
// bindings that match, not on how many there are, except that a headers exchange looks at each of its bindings.
func (g *Graph) Route(queues []string, exchange string, m Message) ([]string, bool) {
	x, ok := g.exchanges[exchange]
	if !ok {
		return queues, false
	}
	g.mark++
	g.message, g.reached = m, queues
	if exchange == "" {
		g.byName()
	} else {
		g.follow(x)
	}
	queues = g.reached
	g.message, g.reached = Message{}, nil // nothing is kept alive
	return queues, true
}

// byName routes as the default exchange.
func (g *Graph) byName() {
	if q, ok := g.queues[g.message.Key]; ok {
		g.reach(q)
	}
	for _, key := range g.message.More {
		if q, ok := g.queues[key]; ok {
			g.reach(q)
		}
	}
}

// follow routes from x on.
func (g *Graph) follow(x *exchange) {
	g.work = g.work[:0]
	g.reach(&x.target)
	for len(g.work) > 0 {
		last := len(g.work) - 1
		x := g.work[last]
		g.work = g.work[:last]
		before := g.matches
		x.index.route(g)
		if x.relays && g.matches == before {
			if other, ok := g.exchanges[x.alternate]; ok {
				g.reach(&other.target)
			}
		}
	}
}

// carry follows a binding that matches.
func (g *Graph) carry(b *bound) {
	if b.to.mark != g.mark {
		b.carried++
	}
	g.reach(b.to)
}

// reach notes that a binding leads to t.
func (g *Graph) reach(t *target) {
	g.matches++
	if t.mark == g.mark {
		return
	}
	t.mark = g.mark
	if t.exchange != nil {
		g.work = append(g.work, t.exchange)
	} else {
		g.reached = append(g.reached, t.name)
	}
}

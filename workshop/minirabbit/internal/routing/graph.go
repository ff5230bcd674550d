package routing

import "fmt"

// Graph is the exchanges and bindings of one virtual host. It is not safe for concurrent use, Route included.
type Graph struct {
	rules     Rules
	exchanges map[string]*exchange
	queues    map[string]*target
	bindings  uint64 // how many there have ever been: gives them an order

	// What Route needs while it runs; kept so that it allocates nothing.
	mark    uint64 // of this Route; a target that has it was reached already
	message Message
	reached []string    // the queues so far
	work    []*exchange // reached and not followed yet
	matches int         // how many bindings matched, counting targets reached before
}

// exchange is a node of the graph.
type exchange struct {
	Exchange
	target    target
	out       map[string]*bound // the bindings from it, by identity
	index     index             // the same, for finding those that match
	alternate string
	relays    bool // whether it has an alternate
}

// target is what a binding leads to: a queue, or an exchange.
type target struct {
	name     string
	exchange *exchange // nil if it is a queue
	in       map[*bound]struct{}
	mark     uint64 // of the last Route that reached it
}

// bound is a Binding in the graph.
type bound struct {
	Binding
	id    string
	from  *exchange
	to    *target
	order uint64 // rises with age
	at    int    // its place in the list of its index

	carried uint64 // messages that reached to by it first
}

// index finds the bindings of one exchange that a message matches.
type index interface {
	add(b *bound)
	remove(b *bound)
	// route calls g.carry for each binding that g.message matches.
	route(g *Graph)
}

// New returns a graph with the exchanges of Predeclared and no queues.
func New(r Rules) *Graph {
	g := &Graph{rules: r, exchanges: make(map[string]*exchange), queues: make(map[string]*target)}
	for _, x := range Predeclared() {
		g.add(x)
	}
	return g
}

// Declare adds x, which must be new and of a known kind. The error is a Refusal, or ErrInternal: arguments
// that the kind cannot accept.
func (g *Graph) Declare(x Exchange) error {
	if _, ok := g.exchanges[x.Name]; ok {
		panic(fmt.Sprintf("routing: exchange %q declared twice", x.Name))
	}
	if x.Kind == ConsistentHash {
		if err := validateHash(x.Arguments); err != nil {
			return err
		}
	}
	g.add(x)
	return nil
}

func (g *Graph) add(x Exchange) {
	node := &exchange{Exchange: x, out: make(map[string]*bound), index: g.indexOf(x)}
	node.alternate, node.relays = x.Alternate()
	node.target = target{name: x.Name, exchange: node, in: make(map[*bound]struct{})}
	g.exchanges[x.Name] = node
}

func (g *Graph) indexOf(x Exchange) index {
	switch x.Kind {
	case Direct:
		return make(direct)
	case Fanout:
		return &fanout{}
	case Topic:
		return newTopic()
	case Headers:
		return &headers{rules: g.rules}
	case ConsistentHash:
		return newRing(x.Arguments)
	}
	panic(fmt.Sprintf("routing: exchange %q is of no kind: %q", x.Name, x.Kind))
}

// Exchange returns what was declared under name.
func (g *Graph) Exchange(name string) (Exchange, bool) {
	x, ok := g.exchanges[name]
	if !ok {
		return Exchange{}, false
	}
	return x.Exchange, true
}

// HasBindings tells whether anything is bound from the exchange: what exchange.delete with if-unused asks. The implicit
// bindings of the default exchange do not count.
func (g *Graph) HasBindings(exchange string) bool {
	x, ok := g.exchanges[exchange]
	return ok && len(x.out) > 0
}

// AddQueue makes a queue known: it can be bound to, and the default exchange routes to it. Adding it twice does nothing.
func (g *Graph) AddQueue(name string) {
	if _, ok := g.queues[name]; !ok {
		g.queues[name] = &target{name: name, in: make(map[*bound]struct{})}
	}
}

// HasQueue tells whether the queue is known.
func (g *Graph) HasQueue(name string) bool {
	_, ok := g.queues[name]
	return ok
}

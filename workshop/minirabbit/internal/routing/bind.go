package routing

import (
	"cmp"
	"fmt"
	"slices"
)

// Removed is what went, in this order: bindings, and exchanges that were deleted since they are auto-delete and had lost
// their last binding. The two lists are independent of each other.
type Removed struct {
	Exchanges []Exchange
	Bindings  []Binding
}

// Bind adds b and reports whether it is new. Binding twice is no error and changes nothing. The caller has made sure that
// both ends exist; Bind panics if not. The error is a Refusal: a key or arguments that the kind of the source cannot accept.
func (g *Graph) Bind(b Binding) (added bool, err error) {
	from, to := g.exchanges[b.Source], g.target(b)
	if from == nil || to == nil {
		panic(fmt.Sprintf("routing: %+v has an end that does not exist", b))
	}
	if err := g.validate(from.Kind, b); err != nil {
		return false, err
	}
	id := b.Identity()
	if _, ok := from.out[id]; ok {
		return false, nil
	}
	g.bindings++
	edge := &bound{Binding: b, id: id, from: from, to: to, order: g.bindings}
	from.out[id] = edge
	to.in[edge] = struct{}{}
	from.index.add(edge)
	return true, nil
}

// validate returns why an exchange of this kind cannot have this binding, or nil.
func (g *Graph) validate(k Kind, b Binding) error {
	switch k {
	case Headers:
		return g.rules.validateMatch(b.Arguments)
	case ConsistentHash:
		_, err := g.rules.parseWeight(b.Key)
		return err
	}
	return nil
}

func (g *Graph) target(b Binding) *target {
	if !b.ToExchange {
		return g.queues[b.Destination]
	}
	if x, ok := g.exchanges[b.Destination]; ok {
		return &x.target
	}
	return nil
}

// Unbind removes b and reports whether it was there; if not, nothing happens, which RabbitMQ takes for success. Among
// what went is b itself.
func (g *Graph) Unbind(b Binding) (was bool, r Removed) {
	x, ok := g.exchanges[b.Source]
	if !ok {
		return false, r
	}
	edge, ok := x.out[b.Identity()]
	if !ok {
		return false, r
	}
	g.unlink([]*bound{edge}, &r)
	return true, r
}

// Delete removes an exchange with the bindings from it and to it. The exchange itself is not in the list of exchanges. If
// there is none of this name, nothing happens.
func (g *Graph) Delete(name string) (r Removed) {
	if x, ok := g.exchanges[name]; ok {
		g.delete(x, &r)
	}
	return r
}

func (g *Graph) delete(x *exchange, r *Removed) {
	delete(g.exchanges, x.Name)
	g.unlink(byAge(x.out, func(_ string, b *bound) *bound { return b }), r)
	g.unlink(byAge(x.target.in, func(b *bound, _ struct{}) *bound { return b }), r)
}

// RemoveQueue removes a queue with the bindings to it. If there is none of this name, nothing happens.
func (g *Graph) RemoveQueue(name string) (r Removed) {
	if q, ok := g.queues[name]; ok {
		delete(g.queues, name)
		g.unlink(byAge(q.in, func(b *bound, _ struct{}) *bound { return b }), &r)
	}
	return r
}

// unlink takes bindings out of the graph, and then the exchanges that go with their last binding.
func (g *Graph) unlink(edges []*bound, r *Removed) {
	for _, b := range edges {
		delete(b.from.out, b.id)
		delete(b.to.in, b)
		b.from.index.remove(b)
		r.Bindings = append(r.Bindings, b.Binding)
	}
	for _, b := range edges {
		x := b.from
		if x.AutoDelete && len(x.out) == 0 && g.exchanges[x.Name] == x {
			r.Exchanges = append(r.Exchanges, x.Exchange)
			g.delete(x, r)
		}
	}
}

// byAge returns the bindings of a set, oldest first, so that what happens does not depend on the order of a map.
func byAge[K comparable, V any](set map[K]V, of func(K, V) *bound) []*bound {
	edges := make([]*bound, 0, len(set))
	for k, v := range set {
		edges = append(edges, of(k, v))
	}
	slices.SortFunc(edges, func(a, b *bound) int { return cmp.Compare(a.order, b.order) })
	return edges
}

// list is bindings without an order, with cheap removal.
type list []*bound

func (l *list) add(b *bound) {
	b.at = len(*l)
	*l = append(*l, b)
}

func (l *list) remove(b *bound) {
	last := len(*l) - 1
	moved := (*l)[last]
	(*l)[b.at], moved.at = moved, b.at
	(*l)[last] = nil
	*l = (*l)[:last]
}

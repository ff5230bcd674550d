package routing

import (
	"cmp"
	"slices"
)

// Exchanges lists all exchanges by name.
func (g *Graph) Exchanges() []Exchange {
	all := make([]Exchange, 0, len(g.exchanges))
	for _, x := range g.exchanges {
		all = append(all, x.Exchange)
	}
	slices.SortFunc(all, func(a, b Exchange) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Bindings lists all bindings by source, and those from one exchange by age. The implicit ones of the default exchange,
// one to each queue by its name, are not among them.
func (g *Graph) Bindings() []Binding {
	var all []Binding
	for _, x := range g.Exchanges() {
		all = append(all, g.BindingsFrom(x.Name)...)
	}
	return all
}

// Carried tells for each of Bindings how many messages went its way. Where several lead a message to the same place, it went
// one of them: there is one copy.
func (g *Graph) Carried() []uint64 {
	var all []uint64
	for _, x := range g.Exchanges() {
		for _, b := range byAge(g.exchanges[x.Name].out, func(_ string, b *bound) *bound { return b }) {
			all = append(all, b.carried)
		}
	}
	return all
}

// BindingsFrom lists the bindings from an exchange by age. For the default exchange, and for one that does not exist,
// there are none.
func (g *Graph) BindingsFrom(exchange string) []Binding {
	x, ok := g.exchanges[exchange]
	if !ok {
		return nil
	}
	return plainBindings(byAge(x.out, func(_ string, b *bound) *bound { return b }))
}

// BindingsTo lists the bindings to a queue, or to an exchange, by age.
func (g *Graph) BindingsTo(name string, isExchange bool) []Binding {
	t := g.target(Binding{Destination: name, ToExchange: isExchange})
	if t == nil {
		return nil
	}
	return plainBindings(byAge(t.in, func(b *bound, _ struct{}) *bound { return b }))
}

func plainBindings(edges []*bound) []Binding {
	all := make([]Binding, len(edges))
	for i, b := range edges {
		all[i] = b.Binding
	}
	return all
}

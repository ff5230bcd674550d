package routing_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// model is a graph by its definition: lists, and no thought of speed.
type model struct {
	exchanges []routing.Exchange
	bindings  []routing.Binding
}

func (m *model) find(name string) int {
	return slices.IndexFunc(m.exchanges, func(x routing.Exchange) bool { return x.Name == name })
}

func (m *model) delete(name string) {
	m.exchanges = slices.Delete(m.exchanges, m.find(name), m.find(name)+1)
	m.drop(func(b routing.Binding) bool { return b.Source == name || b.ToExchange && b.Destination == name })
}

// drop removes bindings, and the exchanges that go with their last one.
func (m *model) drop(which func(routing.Binding) bool) {
	var sources []string
	m.bindings = slices.DeleteFunc(m.bindings, func(b routing.Binding) bool {
		if which(b) {
			sources = append(sources, b.Source)
			return true
		}
		return false
	})
	for _, s := range sources {
		at := m.find(s)
		used := slices.ContainsFunc(m.bindings, func(b routing.Binding) bool { return b.Source == s })
		if at >= 0 && m.exchanges[at].AutoDelete && !used {
			m.delete(s)
		}
	}
}

func (m *model) route(from, key string, seen map[string]bool, queues map[string]bool) {
	at := m.find(from)
	if at < 0 || seen[from] {
		return
	}
	seen[from] = true
	x, matched := m.exchanges[at], false
	for _, b := range m.bindings {
		fits := x.Kind == routing.Fanout || x.Kind == routing.Direct && b.Key == key ||
			x.Kind == routing.Topic && matches(split(b.Key), split(key))
		if b.Source != from || !fits {
			continue
		}
		matched = true
		if b.ToExchange {
			m.route(b.Destination, key, seen, queues)
		} else {
			queues[b.Destination] = true
		}
	}
	if other, ok := x.Alternate(); ok && !matched {
		m.route(other, key, seen, queues)
	}
}

func TestGraphAgreesWithItsDefinition(t *testing.T) {
	exchange := rapid.SampledFrom([]string{"u", "v", "w", "x", "y"})
	queue := rapid.SampledFrom([]string{"1", "2", "3"})
	rapid.Check(t, func(rt *rapid.T) {
		g, m := routing.New(routing.Rules40), &model{}
		for _, q := range []string{"1", "2", "3"} {
			g.AddQueue(q)
		}
		binding := func() (routing.Binding, bool) {
			b := routing.Binding{Source: exchange.Draw(rt, "source"), Key: keys("a", "*", "#").Draw(rt, "key")}
			if b.ToExchange = rapid.Bool().Draw(rt, "to exchange"); b.ToExchange {
				b.Destination = exchange.Draw(rt, "destination")
				return b, m.find(b.Source) >= 0 && m.find(b.Destination) >= 0
			}
			b.Destination = queue.Draw(rt, "queue")
			return b, m.find(b.Source) >= 0
		}
		rt.Repeat(map[string]func(*rapid.T){
			"declare": func(rt *rapid.T) {
				x := routing.Exchange{
					Name:       exchange.Draw(rt, "name"),
					Kind:       rapid.SampledFrom([]routing.Kind{routing.Direct, routing.Fanout, routing.Topic}).Draw(rt, "kind"),
					AutoDelete: rapid.Bool().Draw(rt, "auto-delete"),
				}
				if rapid.Bool().Draw(rt, "relays") {
					x.Arguments = wire.Table{{Name: "alternate-exchange", Value: wire.String(exchange.Draw(rt, "alternate"))}}
				}
				if m.find(x.Name) < 0 {
					require.NoError(rt, g.Declare(x))
					m.exchanges = append(m.exchanges, x)
				}
			},
			"delete": func(rt *rapid.T) {
				if name := exchange.Draw(rt, "name"); m.find(name) >= 0 {
					g.Delete(name)
					m.delete(name)
				}
			},
			"bind": func(rt *rapid.T) {
				if b, ok := binding(); ok {
					added, err := g.Bind(b)
					require.NoError(rt, err)
					require.Equal(rt, !slices.ContainsFunc(m.bindings, b.Same), added)
					if added {
						m.bindings = append(m.bindings, b)
					}
				}
			},
			"unbind": func(rt *rapid.T) {
				if len(m.bindings) > 0 {
					b := rapid.SampledFrom(m.bindings).Draw(rt, "binding")
					was, _ := g.Unbind(b)
					require.True(rt, was)
					m.drop(b.Same)
				}
			},
			"lose a queue": func(rt *rapid.T) {
				name := queue.Draw(rt, "queue")
				g.RemoveQueue(name)
				m.drop(func(b routing.Binding) bool { return !b.ToExchange && b.Destination == name })
				g.AddQueue(name)
			},
			"": func(rt *rapid.T) {
				key, from := keys("a", "b").Draw(rt, "key"), exchange.Draw(rt, "from")
				want := make(map[string]bool)
				m.route(from, key, make(map[string]bool), want)
				got, found := g.Route(nil, from, routing.Message{Key: key})
				require.Equal(rt, m.find(from) >= 0, found)
				require.Len(rt, got, len(want))
				for _, q := range got {
					require.True(rt, want[q])
				}
				require.ElementsMatch(rt, m.bindings, g.Bindings())
				require.Len(rt, g.Exchanges(), len(m.exchanges)+len(routing.Predeclared()))
			},
		})
	})
}

package routing

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// matchArgument says how the arguments of a binding are compared with the headers of a message.
const matchArgument = "x-match"

// headers is the index of a headers exchange: it looks at every binding (exchanges). The values of x-match are all (the
// default), any, and the same with "-with-x", which look at arguments too whose name begins with "x-".
type headers struct {
	rules Rules
	list
	patterns []pattern // by the place of the binding in list
}

// pattern is a binding, ready to be compared.
type pattern struct {
	any    bool
	fields wire.Table // those that count
}

func (h *headers) add(b *bound) {
	h.list.add(b)
	h.patterns = append(h.patterns, patternOf(b.Arguments))
}

func (h *headers) remove(b *bound) {
	at, last := b.at, len(h.patterns)-1
	h.list.remove(b)
	h.patterns[at] = h.patterns[last]
	h.patterns[last] = pattern{}
	h.patterns = h.patterns[:last]
}

func (h *headers) route(g *Graph) {
	for i := range h.patterns {
		if h.matches(&h.patterns[i], &g.message) {
			g.carry(h.list[i])
		}
	}
}

func patternOf(args wire.Table) pattern {
	match, _ := args.Get(matchArgument)
	text, _ := match.(wire.String)
	p := pattern{any: strings.HasPrefix(string(text), "any")}
	withX := strings.HasSuffix(string(text), "-with-x")
	for _, f := range args {
		if f.Name != matchArgument && (withX || !strings.HasPrefix(f.Name, "x-")) {
			p.fields = append(p.fields, f)
		}
	}
	return p
}

// fewFields is how many headers of a message are looked for one by one.
const fewFields = 16

// matches compares: all of nothing is true, any of nothing is false. An argument without a value, a void, asks only
// whether the header is there.
func (h *headers) matches(p *pattern, m *Message) bool {
	if len(p.fields) > fewFields {
		m.index()
	}
	for i := range p.fields {
		want := p.fields[i].Value
		got, ok := m.header(p.fields[i].Name)
		if ok {
			_, presence := want.(wire.Void)
			ok = presence || h.rules.equal(want, got)
		}
		if ok == p.any {
			return ok
		}
	}
	return !p.any
}

// validateMatch returns the error of RabbitMQ for a binding whose x-match is none.
func (r Rules) validateMatch(args wire.Table) error {
	match, ok := args.Get(matchArgument)
	if !ok {
		return nil
	}
	text, ok := match.(wire.String)
	if !ok {
		return Refusal("Invalid x-match field type " + field.TypeName(match) + " (value " + r.term(match) + "); expected longstr")
	}
	switch text {
	case "all", "any", "all-with-x", "any-with-x":
		return nil
	}
	return Refusal("Invalid x-match field value " + r.term(match) + "; expected all, any, all-with-x, or any-with-x")
}

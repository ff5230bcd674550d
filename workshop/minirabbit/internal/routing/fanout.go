package routing

// fanout is the index of a fanout exchange: every binding matches.
type fanout struct{ list }

func (f *fanout) route(g *Graph) {
	for _, b := range f.list {
		g.carry(b)
	}
}

package routing

// direct is the index of a direct exchange: the bindings by their key.
type direct map[string]*list

func (d direct) add(b *bound) {
	same, ok := d[b.Key]
	if !ok {
		same = &list{}
		d[b.Key] = same
	}
	same.add(b)
}

func (d direct) remove(b *bound) {
	same := d[b.Key]
	same.remove(b)
	if len(*same) == 0 {
		delete(d, b.Key)
	}
}

func (d direct) route(g *Graph) {
	d.key(g, g.message.Key)
	for _, key := range g.message.More {
		d.key(g, key)
	}
}

func (d direct) key(g *Graph, key string) {
	if same, ok := d[key]; ok {
		for _, b := range *same {
			g.carry(b)
		}
	}
}

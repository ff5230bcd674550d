package queue

// publishers are those who publish to a quorum queue with overflow reject-publish, and whether it refuses them (rabbit_fifo's
// enqueuers). It takes one message too many before it refuses all it knows, and takes messages of those again when it is down
// to 80 percent of what it may have. Who publishes for the first time is refused only if there is too much right then.
type publishers struct {
	refused map[any]bool
	count   int // of those who are refused
}

// refuses tells whether a publisher is refused, and gets to know it. Full says that the queue has too much.
func (p *publishers) refuses(from any, full bool) bool {
	if from == nil {
		return false
	}
	refused, known := p.refused[from]
	if known {
		return refused
	}
	if p.refused == nil {
		p.refused = make(map[any]bool)
	}
	p.refused[from] = full
	if full {
		p.count++
	}
	return full
}

// refuseAll has everybody refused who is known.
func (p *publishers) refuseAll() { p.set(true, len(p.refused)) }

// refuseNobody ends that.
func (p *publishers) refuseNobody() { p.set(false, 0) }

func (p *publishers) set(refused bool, count int) {
	if p.count == count {
		return
	}
	for from := range p.refused {
		p.refused[from] = refused
	}
	p.count = count
}

// Forget says that a publisher is gone. It does nothing if the publisher never was there.
func (q *Queue) Forget(from any) {
	p := &q.publishers
	if p.refused[from] {
		p.count--
	}
	delete(p.refused, from)
}

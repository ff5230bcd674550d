package queue

import "iter"

// backlog holds the ready messages of a queue, those that came back before those that were never delivered: what comes back
// was once at the head, so it is older than all of those.
type backlog struct {
	fresh deque // as published
	// back are those that came back: in a classic queue by age, in a quorum queue in the order in which they came.
	back  deque
	aged  heap
	bytes int64
}

func (b *backlog) len() int { return b.fresh.len() + b.back.len() + len(b.aged) }

// head returns the next to be delivered. Nil if there is none.
func (b *backlog) head() *entry {
	switch {
	case len(b.aged) > 0:
		return b.aged[0]
	case b.back.len() > 0:
		return b.back.front()
	case b.fresh.len() > 0:
		return b.fresh.front()
	}
	return nil
}

// pop takes the head away. There must be one.
func (b *backlog) pop() *entry {
	var e *entry
	switch {
	case len(b.aged) > 0:
		e = b.aged.pop()
	case b.back.len() > 0:
		e = b.back.pop()
	default:
		e = b.fresh.pop()
	}
	b.bytes -= int64(e.message.Size())
	return e
}

// push adds e at the end.
func (b *backlog) push(e *entry) {
	b.fresh.push(e)
	b.bytes += int64(e.message.Size())
}

// pushBack adds e behind those that came back before.
func (b *backlog) pushBack(e *entry) {
	b.back.push(e)
	b.bytes += int64(e.message.Size())
}

// pushAged puts e where it was: costs grow with the logarithm of how many came back.
func (b *backlog) pushAged(e *entry) {
	b.aged.push(e)
	b.bytes += int64(e.message.Size())
}

// clear forgets everything and returns how much that was.
func (b *backlog) clear() int {
	n := b.len()
	*b = backlog{}
	return n
}

// all yields the messages in the order in which they would be delivered.
func (b *backlog) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range b.aged.sorted() {
			if !yield(e) {
				return
			}
		}
		b.unaged()(yield)
	}
}

// unaged yields those that all has after the aged ones.
func (b *backlog) unaged() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, d := range []*deque{&b.back, &b.fresh} {
			for i := range d.len() {
				if !yield(d.at(i)) {
					return
				}
			}
		}
	}
}

// deque is a ring of entries that grows and shrinks with its content.
type deque struct {
	ring  []*entry // its length is a power of two, or nothing
	first int
	count int
}

func (d *deque) len() int        { return d.count }
func (d *deque) front() *entry   { return d.ring[d.first] }
func (d *deque) at(i int) *entry { return d.ring[(d.first+i)&(len(d.ring)-1)] }

func (d *deque) push(e *entry) {
	if d.count == len(d.ring) {
		d.resize(max(8, 2*d.count))
	}
	d.ring[(d.first+d.count)&(len(d.ring)-1)] = e
	d.count++
}

func (d *deque) pop() *entry {
	e := d.ring[d.first]
	d.ring[d.first] = nil
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.count--
	if len(d.ring) > 64 && d.count*4 < len(d.ring) {
		d.resize(len(d.ring) / 2)
	}
	return e
}

func (d *deque) resize(size int) {
	ring := make([]*entry, size)
	for i := range d.count {
		ring[i] = d.at(i)
	}
	d.ring, d.first = ring, 0
}

package queue

import "slices"

// turns says whose turn it is: the first of those with the highest priority among the consumers that have credit. Who got a
// message goes to the end; who has no credit left steps out, and comes back at the end.
type turns struct {
	levels []*level // highest first; empty ones stay
}

// level is a list of consumers of one priority.
type level struct {
	priority    int64
	first, last *Consumer
}

// front returns whose turn it is. Nil: nobody's.
func (t *turns) front() *Consumer {
	for _, l := range t.levels {
		if l.first != nil {
			return l.first
		}
	}
	return nil
}

// join puts c at the end of its level.
func (t *turns) join(c *Consumer) {
	i, ok := slices.BinarySearchFunc(t.levels, c.Priority, func(l *level, p int64) int {
		switch {
		case l.priority > p:
			return -1
		case l.priority < p:
			return 1
		}
		return 0
	})
	if !ok {
		t.levels = slices.Insert(t.levels, i, &level{priority: c.Priority})
	}
	l := t.levels[i]
	c.list, c.previous, c.next = l, l.last, nil
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
}

// leave takes c out, if it is in.
func (t *turns) leave(c *Consumer) {
	l := c.list
	if l == nil {
		return
	}
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.previous = c.previous
	} else {
		l.last = c.previous
	}
	c.list, c.previous, c.next = nil, nil, nil
	if l.first == nil && len(t.levels) > 8 {
		t.levels = slices.DeleteFunc(t.levels, func(l *level) bool { return l.first == nil })
	}
}

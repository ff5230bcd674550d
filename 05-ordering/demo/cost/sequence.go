package main

// A sequence knows how far each order has come.
type sequence struct {
	highest map[int]int    // by order: the highest event that is done
	early   map[event]done // those that wait for an earlier one of their order
	held    int            // how many wait
}

func newSequence() *sequence {
	return &sequence{highest: map[int]int{}, early: map[event]done{}}
}

// hold keeps an event that comes early, and returns those whose turn it is. (05/4 says what it does not do: it waits for ever.)
func (s *sequence) hold(d done) (due []done) {
	s.early[d.event] = d
	next := event{order: d.order, seq: s.highest[d.order] + 1}
	for {
		d, ok := s.early[next]
		if !ok {
			break
		}
		delete(s.early, next)
		due = append(due, d)
		next.seq++
	}
	s.held = len(s.early)
	return due
}

// isLate notes that an event is done, and tells whether a later one of its order was done before.
func (s *sequence) isLate(e event) bool {
	if e.seq < s.highest[e.order] {
		return true
	}
	s.highest[e.order] = e.seq
	return false
}

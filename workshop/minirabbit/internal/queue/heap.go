package queue

import (
	"cmp"
	"slices"
)

// heap is a binary heap of entries with the oldest in front.
type heap []*entry

func (h *heap) push(e *entry) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if s[parent].id < s[i].id {
			break
		}
		s[parent], s[i] = s[i], s[parent]
		i = parent
	}
}

func (h *heap) pop() *entry {
	s := *h
	first, last := s[0], len(s)-1
	s[0], s[last] = s[last], nil
	s = s[:last]
	for i := 0; 2*i+1 < last; {
		child := 2*i + 1
		if child+1 < last && s[child+1].id < s[child].id {
			child++
		}
		if s[i].id < s[child].id {
			break
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
	if last == 0 {
		s = nil // as large as its content
	}
	*h = s
	return first
}

func (h heap) sorted() []*entry {
	return slices.SortedFunc(slices.Values(h), func(x, y *entry) int { return cmp.Compare(x.id, y.id) })
}

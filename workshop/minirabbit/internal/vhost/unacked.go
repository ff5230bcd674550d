package vhost

import (
	"iter"
	"slices"
	"sort"

	"warren.example/workshop/minirabbit/internal/queue"
)

// delivery is a message that a client got and has not answered yet.
type delivery struct {
	tag      uint64
	queue    *hostQueue
	id       queue.ID
	consumer *consumer // nil: basic.get
	due      int64     // when the client is too late, in nanoseconds of Unix time; 0: never
	done     bool
}

// unacked are the deliveries of a channel in the order of their tags. Adding, and taking the oldest, cost the same however
// many there are; taking any other costs a binary search. The zero value is empty.
type unacked struct {
	list []delivery // from head on; done ones in between are passed over
	head int
	live int
}

// len is how many there are.
func (u *unacked) len() int { return u.live }

// add puts one behind the others.
func (u *unacked) add(d delivery) {
	if u.head > 64 && u.head*2 > len(u.list) {
		n := copy(u.list, u.list[u.head:])
		clear(u.list[n:])
		u.list, u.head = u.list[:n], 0
	}
	u.list = append(u.list, d)
	u.live++
}

// first returns the oldest.
func (u *unacked) first() (delivery, bool) {
	if u.live == 0 {
		return delivery{}, false
	}
	return u.list[u.head], true
}

// get returns the one with the tag.
func (u *unacked) get(tag uint64) (delivery, bool) {
	i, ok := u.find(tag)
	if !ok {
		return delivery{}, false
	}
	return u.list[i], true
}

// take removes the one with the tag, and returns false if there is none.
func (u *unacked) take(tag uint64) (delivery, bool) {
	i, ok := u.find(tag)
	if !ok {
		return delivery{}, false
	}
	d := u.list[i]
	u.remove(i)
	u.trim()
	return d, true
}

// takeUpTo removes all up to the tag, which must be there, or all there are if the tag is 0, and appends them to taken.
func (u *unacked) takeUpTo(tag uint64, taken []delivery) ([]delivery, bool) {
	end := len(u.list)
	if tag != 0 {
		i, ok := u.find(tag)
		if !ok {
			return taken, false
		}
		end = i + 1
	}
	for i := u.head; i < end; i++ {
		if !u.list[i].done {
			taken = append(taken, u.list[i])
			u.remove(i)
		}
	}
	u.trim()
	return taken, true
}

// all yields what is there, the oldest first.
func (u *unacked) all() iter.Seq[delivery] {
	return func(yield func(delivery) bool) {
		for _, d := range u.list[u.head:] {
			if !d.done && !yield(d) {
				return
			}
		}
	}
}

func (u *unacked) find(tag uint64) (int, bool) {
	if u.live > 0 && u.list[u.head].tag == tag {
		return u.head, true
	}
	rest := u.list[u.head:]
	i := sort.Search(len(rest), func(i int) bool { return rest[i].tag >= tag })
	if i == len(rest) || rest[i].tag != tag || rest[i].done {
		return 0, false
	}
	return u.head + i, true
}

func (u *unacked) remove(i int) {
	u.list[i] = delivery{tag: u.list[i].tag, done: true}
	u.live--
}

// trim passes over what is done at the head, and makes the list short when most of it is done.
func (u *unacked) trim() {
	for u.head < len(u.list) && u.list[u.head].done {
		u.head++
	}
	if u.live == 0 {
		u.list, u.head = u.list[:0], 0
		return
	}
	if left := len(u.list) - u.head; left > 64 && left > 4*u.live {
		u.list = slices.DeleteFunc(u.list[u.head:], func(d delivery) bool { return d.done })
		u.head = 0
	}
}

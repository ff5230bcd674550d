// Keeps what waits in a heap, which has nothing against two messages with one number. A duplicate is seen only if it is of
// the first.
// In production: a service publishes again what was not confirmed (03/5), so duplicates are common. Both copies are
// returned: the page shows the scan twice, and the number after it is skipped.
//
// want TestDuplicatesAreTold: "Add parcel-7 3: waits"

package resequence

import (
	"container/heap"
	"errors"
	"maps"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Message is one of a row: its sender has numbered the messages of each key 1, 2, 3 and so on.
type Message struct {
	Key      string        // whose row it is in: "parcel-7"
	Seq      int64         // its number there
	Delivery amqp.Delivery // the caller's, who has to answer it
}

// A Gap is what is missing between two messages of a key: all numbers from From to To.
type Gap struct {
	Key      string
	From, To int64
}

// What Add says of a message that it doesn't take.
var (
	ErrLate      = errors.New("late")      // this number, or a later one, was returned before
	ErrDuplicate = errors.New("duplicate") // a message with this number waits already
	ErrFull      = errors.New("full")      // it is early, and as many wait as may
)

type item struct {
	Message
	came time.Time
}

type items []item

func (h items) Len() int           { return len(h) }
func (h items) Less(i, j int) bool { return h[i].Seq < h[j].Seq }
func (h items) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *items) Push(x any)        { *h = append(*h, x.(item)) }
func (h *items) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = item{}
	*h = old[:len(old)-1]
	return x
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, size int
	gap         time.Duration
	last        map[string]int64
	heaps       map[string]*items
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}, heaps: map[string]*items{}}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	last := r.last[m.Key]
	h, waits := r.heaps[m.Key]
	switch {
	case m.Seq < 1:
		return nil, errors.New("no number")
	case m.Seq <= last:
		return nil, ErrLate
	case waits && (*h)[0].Seq == m.Seq:
		return nil, ErrDuplicate
	case m.Seq == last+1:
		r.last[m.Key] = m.Seq
		return append([]Message{m}, r.pop(m.Key, 0)...), nil
	case r.size == r.limit:
		return nil, ErrFull
	}
	if !waits {
		h = &items{}
		r.heaps[m.Key] = h
	}
	heap.Push(h, item{m, now})
	r.size++
	return nil, nil
}

// pop returns what is due of a key, and whatever has a number up to until.
func (r *Resequencer) pop(key string, until int64) (ready []Message) {
	h := r.heaps[key]
	for h != nil && h.Len() > 0 && (*h)[0].Seq <= max(r.last[key]+1, until) {
		m := heap.Pop(h).(item).Message
		ready = append(ready, m)
		r.last[key] = m.Seq
		r.size--
	}
	if h != nil && h.Len() == 0 {
		delete(r.heaps, key)
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, h := range r.heaps {
		until := int64(0)
		for _, it := range *h {
			if !now.Before(it.came.Add(r.gap)) {
				until = max(until, it.Seq)
			}
		}
		if until == 0 {
			continue
		}
		last := r.last[key]
		for _, m := range r.pop(key, until) {
			if m.Seq > last+1 {
				missing = append(missing, Gap{Key: key, From: last + 1, To: m.Seq - 1})
			}
			last = m.Seq
			ready = append(ready, m)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, h := range r.heaps {
		for _, it := range *h {
			if end := it.came.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

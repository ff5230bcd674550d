// Keeps a heap by time over all that waits. What has left stays in the heap, and is thrown away when it comes to the top.
// In production: one gap stays open for its ten minutes, and is at the top. Below it is everything that has waited since, of
// all parcels, with body and headers, though it was returned long ago. limit says 1000, and the memory holds a million.
//
// want TestDoneIsOneNumberPerKey: "it holds "

package resequence

import (
	"container/heap"
	"errors"
	"slices"
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

type ticket struct {
	*Message
	over time.Time
	gone bool
}

type tickets []*ticket

func (h tickets) Len() int           { return len(h) }
func (h tickets) Less(i, j int) bool { return h[i].over.Before(h[j].over) }
func (h tickets) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *tickets) Push(x any)        { *h = append(*h, x.(*ticket)) }
func (h *tickets) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	(*h)[n] = nil
	*h = (*h)[:n]
	return x
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	free   int
	gap    time.Duration
	last   map[string]int64
	byKey  map[string]map[int64]*ticket
	byTime tickets
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{free: limit, gap: gap, last: map[string]int64{}, byKey: map[string]map[int64]*ticket{}}
	for key, seq := range last {
		r.last[key] = seq
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	last := r.last[m.Key]
	switch {
	case m.Seq <= 0:
		return nil, errors.New("not numbered")
	case m.Seq <= last:
		return nil, ErrLate
	case m.Seq == last+1:
		r.last[m.Key]++
		return append([]Message{m}, r.leave(m.Key)...), nil
	case r.byKey[m.Key][m.Seq] != nil:
		return nil, ErrDuplicate
	case r.free == 0:
		return nil, ErrFull
	}
	if r.byKey[m.Key] == nil {
		r.byKey[m.Key] = map[int64]*ticket{}
	}
	t := &ticket{Message: &m, over: now.Add(r.gap)}
	r.byKey[m.Key][m.Seq] = t
	heap.Push(&r.byTime, t)
	r.free--
	return nil, nil
}

// leave takes out what is next of a key.
func (r *Resequencer) leave(key string) (ready []Message) {
	row := r.byKey[key]
	for t := row[r.last[key]+1]; t != nil; t = row[r.last[key]+1] {
		ready = append(ready, *t.Message)
		delete(row, t.Seq)
		t.gone = true
		r.free++
		r.last[key]++
	}
	if len(row) == 0 {
		delete(r.byKey, key)
	}
	for len(r.byTime) > 0 && r.byTime[0].gone {
		heap.Pop(&r.byTime)
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for len(r.byTime) > 0 && !r.byTime[0].over.After(now) {
		key, until := r.byTime[0].Key, r.byTime[0].Seq
		for r.last[key] < until {
			first := until
			for seq := range r.byKey[key] {
				first = min(first, seq)
			}
			missing = append(missing, Gap{key, r.last[key] + 1, first - 1})
			r.last[key] = first - 1
			ready = append(ready, r.leave(key)...)
		}
	}
	slices.SortStableFunc(missing, func(a, b Gap) int { return int(a.From - b.From) })
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.byTime) == 0 {
		return time.Time{}, false
	}
	return r.byTime[0].over, true
}

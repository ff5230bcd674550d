// Lets one more wait than the limit: the comparison is off by one.
// In production: the limit was set to one below the prefetch, since one place must be left for the message that all wait
// for. It isn't left: RabbitMQ sends nothing more, and everything stands still until the gap is given up.
//
// want TestLimitCountsAllKeys: "Add parcel-8 3: waits"

package resequence

import (
	"cmp"
	"errors"
	"fmt"
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

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64
	queue []Message   // by key and number
	since []time.Time // of each of queue
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	known := make(map[string]int64, len(last))
	for key, seq := range last {
		known[key] = seq
	}
	return &Resequencer{limit: limit, gap: gap, last: known}
}

func before(a, b Message) int {
	if c := cmp.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("%s: %d", m.Key, m.Seq)
	}
	if m.Seq <= r.last[m.Key] {
		return nil, ErrLate
	}
	i, ok := slices.BinarySearchFunc(r.queue, m, before)
	if ok {
		return nil, ErrDuplicate
	}
	if m.Seq > r.last[m.Key]+1 {
		if len(r.queue) > r.limit {
			return nil, ErrFull
		}
		r.queue = slices.Insert(r.queue, i, m)
		r.since = slices.Insert(r.since, i, now)
		return nil, nil
	}
	r.last[m.Key] = m.Seq
	return append([]Message{m}, r.cut(i)...), nil
}

// cut takes out what is due from place i on, where the rest of a key begins.
func (r *Resequencer) cut(i int) []Message {
	j := i
	for j < len(r.queue) && r.queue[j].Seq == r.last[r.queue[j].Key]+1 && r.queue[j].Key == r.queue[i].Key {
		r.last[r.queue[j].Key]++
		j++
	}
	out := slices.Clone(r.queue[i:j])
	r.queue = slices.Delete(r.queue, i, j)
	r.since = slices.Delete(r.since, i, j)
	return out
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for i := 0; i < len(r.queue); {
		key, end := r.queue[i].Key, i
		over := false
		for ; end < len(r.queue) && r.queue[end].Key == key; end++ {
			over = over || now.Sub(r.since[end]) >= r.gap
		}
		if !over {
			i = end
			continue
		}
		first := r.queue[i].Seq
		missing = append(missing, Gap{key, r.last[key] + 1, first - 1})
		r.last[key] = first - 1
		ready = append(ready, r.cut(i)...)
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.since) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(r.since, time.Time.Compare).Add(r.gap), true
}

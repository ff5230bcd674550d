// Leaves out what comes late or twice, and says nothing: it is no error of the caller's.
// In production: nil, nil means that the message waits, so its caller doesn't ack it. It never will: after as many late ones
// as the prefetch RabbitMQ sends nothing more. And a late "delivered" is lost without a word.
//
// want TestLateOnesAreTold: "Add parcel-7 1: waits"
// want TestDuplicatesAreTold: "Add parcel-7 2: waits"

package resequence

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
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

type waiting struct {
	Message
	deadline time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	next  map[string]int64
	queue map[string][]waiting // in order; no entry where nothing waits
	size  int
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	next := map[string]int64{}
	for key, seq := range last {
		next[key] = seq + 1
	}
	return &Resequencer{limit: limit, gap: gap, next: next, queue: map[string][]waiting{}}
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("bad number %d of %s", m.Seq, m.Key)
	}
	next := max(r.next[m.Key], 1)
	if m.Seq < next {
		return nil, nil // old news
	}
	if m.Seq == next {
		r.next[m.Key] = next + 1
		return append([]Message{m}, r.follow(m.Key)...), nil
	}
	q := r.queue[m.Key]
	i := sort.Search(len(q), func(i int) bool { return q[i].Seq >= m.Seq })
	if i < len(q) && q[i].Seq == m.Seq {
		return nil, nil // it is there
	}
	if r.size >= r.limit {
		return nil, fmt.Errorf("%w: %d wait", ErrFull, r.size)
	}
	r.queue[m.Key] = slices.Insert(q, i, waiting{m, now.Add(r.gap)})
	r.size++
	return nil, nil
}

// follow takes out what is due of a key.
func (r *Resequencer) follow(key string) (ready []Message) {
	q := r.queue[key]
	for len(q) > 0 && q[0].Seq == r.next[key] {
		ready = append(ready, q[0].Message)
		q = q[1:]
		r.next[key]++
		r.size--
	}
	if r.queue[key] = q; len(q) == 0 {
		delete(r.queue, key)
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for _, key := range slices.Sorted(maps.Keys(r.queue)) {
		for r.over(key, now) {
			next := max(r.next[key], 1)
			first := r.queue[key][0].Seq
			missing = append(missing, Gap{Key: key, From: next, To: first - 1})
			r.next[key] = first
			ready = append(ready, r.follow(key)...)
		}
	}
	return ready, missing
}

// over tells whether anything of a key has waited long enough.
func (r *Resequencer) over(key string, now time.Time) bool {
	return slices.ContainsFunc(r.queue[key], func(w waiting) bool { return !w.deadline.After(now) })
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, q := range r.queue {
		for _, w := range q {
			if !ok || w.deadline.Before(at) {
				at, ok = w.deadline, true
			}
		}
	}
	return at, ok
}

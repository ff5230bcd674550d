// Looks at the clock of its machine, where now would only be one more argument to pass on.
// In production: after an hour in which RabbitMQ was away, or the laptop slept, all gaps are over at once, before what waits
// in the queue could close them. And no test can ever show it: it would have to wait ten minutes.
//
// want TestGapIsGivenUp: "at 11m0s Expire: nothing"

package resequence

import (
	"cmp"
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

type slot struct {
	Message
	timer time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64
	slots map[string][]slot // in order
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}, slots: map[string][]slot{}}
	for key, n := range last {
		r.last[key] = n
	}
	return r
}

func bySeq(s slot, seq int64) int { return cmp.Compare(s.Seq, seq) }

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("number below 1")
	}
	last := r.last[m.Key]
	if m.Seq <= last {
		return nil, ErrLate
	}
	slots := r.slots[m.Key]
	i, found := slices.BinarySearchFunc(slots, m.Seq, bySeq)
	if found {
		return nil, ErrDuplicate
	}
	if m.Seq == last+1 {
		r.last[m.Key] = m.Seq
		return append([]Message{m}, r.run(m.Key)...), nil
	}
	n := 0
	for _, s := range r.slots {
		n += len(s)
	}
	if n >= r.limit {
		return nil, ErrFull
	}
	r.slots[m.Key] = slices.Insert(slots, i, slot{m, time.Now().Add(r.gap)})
	return nil, nil
}

// run takes out what is next, and what is next then.
func (r *Resequencer) run(key string) (ready []Message) {
	slots := r.slots[key]
	for len(slots) > 0 && slots[0].Seq == r.last[key]+1 {
		ready = append(ready, slots[0].Message)
		r.last[key] = slots[0].Seq
		slots = slots[1:]
	}
	if len(slots) == 0 {
		delete(r.slots, key)
	} else {
		r.slots[key] = slots
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	over := func(s slot) bool { return time.Since(s.timer) >= 0 }
	for key := range r.slots {
		for slices.ContainsFunc(r.slots[key], over) {
			first := r.slots[key][0].Seq
			missing = append(missing, Gap{key, r.last[key] + 1, first - 1})
			r.last[key] = first - 1
			ready = append(ready, r.run(key)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, slots := range r.slots {
		for _, s := range slots {
			if !ok || s.timer.Before(at) {
				at, ok = s.timer, true
			}
		}
	}
	return at, ok
}

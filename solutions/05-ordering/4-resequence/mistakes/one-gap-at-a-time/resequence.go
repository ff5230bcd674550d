// Gives up the first gap of each key, and leaves the others to the next call.
// In production: who calls Expire once a minute, or when the timer fires, shows a parcel with five lost scans five minutes
// late. And what waits takes places meanwhile, until it is full.
//
// want TestEveryGapIsGivenUp: "Expire: parcel-7 2 · parcel-8 3; missing parcel-7 1, parcel-8 1–2"

package resequence

import (
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

type entry struct {
	m    Message
	came time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit   int
	gap     time.Duration
	last    map[string]int64
	entries []entry
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}}
	for key, seq := range last {
		r.last[key] = seq
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	switch {
	case m.Seq < 1:
		return nil, errors.New("bad number")
	case m.Seq <= r.last[m.Key]:
		return nil, ErrLate
	case r.index(m.Key, m.Seq) >= 0:
		return nil, ErrDuplicate
	case m.Seq == r.last[m.Key]+1:
		r.last[m.Key] = m.Seq
		return append([]Message{m}, r.follow(m.Key)...), nil
	case len(r.entries) >= r.limit:
		return nil, ErrFull
	}
	r.entries = append(r.entries, entry{m, now})
	return nil, nil
}

func (r *Resequencer) index(key string, seq int64) int {
	return slices.IndexFunc(r.entries, func(e entry) bool { return e.m.Key == key && e.m.Seq == seq })
}

func (r *Resequencer) follow(key string) (ready []Message) {
	for i := r.index(key, r.last[key]+1); i >= 0; i = r.index(key, r.last[key]+1) {
		ready = append(ready, r.entries[i].m)
		r.entries = slices.Delete(r.entries, i, i+1)
		r.last[key]++
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	first := map[string]int64{}
	over := map[string]bool{}
	for _, e := range r.entries {
		if seq, ok := first[e.m.Key]; !ok || e.m.Seq < seq {
			first[e.m.Key] = e.m.Seq
		}
		if now.Sub(e.came) >= r.gap {
			over[e.m.Key] = true
		}
	}
	for key := range over {
		missing = append(missing, Gap{Key: key, From: r.last[key] + 1, To: first[key] - 1})
		r.last[key] = first[key] - 1
		ready = append(ready, r.follow(key)...)
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.entries) == 0 {
		return time.Time{}, false
	}
	at = r.entries[0].came
	for _, e := range r.entries[1:] {
		if e.came.Before(at) {
			at = e.came
		}
	}
	return at.Add(r.gap), true
}

// Returns the same piece of memory each time, which saves an allocation.
// In production: a caller that collects what was returned and stores it by the hundred stores the last call's messages over
// and over, and acks them. What was returned before is nowhere.
//
// want TestSlicesAreTheCallers: "looked at when all was over: ["

package resequence

import (
	"errors"
	"maps"
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

type early struct {
	m     Message
	since time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, n int
	gap      time.Duration
	last     map[string]int64
	early    map[string]map[int64]early
	ready    []Message // used again by each call
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{
		limit: limit, gap: gap, last: map[string]int64{}, early: map[string]map[int64]early{}, ready: make([]Message, 0, limit+1),
	}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	last, waits := r.last[m.Key], r.early[m.Key]
	if m.Seq < 1 {
		return nil, errors.New("number below 1")
	}
	if m.Seq <= last {
		return nil, ErrLate
	}
	if _, ok := waits[m.Seq]; ok {
		return nil, ErrDuplicate
	}
	if m.Seq == last+1 {
		r.ready = append(r.ready[:0], m)
		r.last[m.Key] = m.Seq
		r.next(m.Key)
		return r.ready, nil
	}
	if r.n >= r.limit {
		return nil, ErrFull
	}
	if waits == nil {
		waits = map[int64]early{}
		r.early[m.Key] = waits
	}
	waits[m.Seq] = early{m, now}
	r.n++
	return nil, nil
}

// next moves what is next of a key to r.ready.
func (r *Resequencer) next(key string) {
	waits := r.early[key]
	for {
		e, ok := waits[r.last[key]+1]
		if !ok {
			break
		}
		r.ready = append(r.ready, e.m)
		delete(waits, e.m.Seq)
		r.last[key]++
		r.n--
	}
	if len(waits) == 0 {
		delete(r.early, key)
	}
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	r.ready = r.ready[:0]
	for key, waits := range r.early {
		over := int64(0)
		for seq, e := range waits {
			if now.Sub(e.since) >= r.gap {
				over = max(over, seq)
			}
		}
		for _, seq := range slices.Sorted(maps.Keys(waits)) {
			if seq > over || seq <= r.last[key] {
				continue
			}
			missing = append(missing, Gap{key, r.last[key] + 1, seq - 1})
			r.last[key] = seq - 1
			r.next(key)
		}
	}
	return r.ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, waits := range r.early {
		for _, e := range waits {
			if end := e.since.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

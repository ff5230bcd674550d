// Keeps what waits of a key in a ring of 1000 places: number n has place n%1000. Whose place is taken is a duplicate.
// In production: a sender's counter leaps. 5 waits, 1005 comes, and is told to be a duplicate: its caller acks it, and it is
// lost. Tests count to 20.
//
// want TestWideGapCostsNoMore: "Add parcel-8 1000000000000: ErrDuplicate"

package resequence

import (
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

const places = 1000

type place struct {
	m    Message
	came time.Time
}

// A ring is what waits of a key.
type ring struct {
	places [places]*place
	used   int
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, used int
	gap         time.Duration
	next        map[string]int64
	rings       map[string]*ring // of the keys of which something waits
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, next: map[string]int64{}, rings: map[string]*ring{}}
	maps.Copy(r.next, last)
	for key := range r.next {
		r.next[key]++
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	next := max(1, r.next[m.Key])
	if m.Seq < 1 {
		return nil, errors.New("numbers begin with 1")
	}
	if m.Seq < next {
		return nil, ErrLate
	}
	if m.Seq == next {
		r.next[m.Key] = next + 1
		return append([]Message{m}, r.run(m.Key)...), nil
	}
	k := r.rings[m.Key]
	if k != nil && k.places[m.Seq%places] != nil {
		return nil, ErrDuplicate
	}
	if r.used == r.limit {
		return nil, ErrFull
	}
	if k == nil {
		k = &ring{}
		r.rings[m.Key] = k
	}
	k.places[m.Seq%places] = &place{m, now}
	k.used++
	r.used++
	return nil, nil
}

// run takes out what is next of a key, as far as it goes.
func (r *Resequencer) run(key string) (ready []Message) {
	k := r.rings[key]
	for k != nil {
		p := k.places[r.next[key]%places]
		if p == nil || p.m.Seq != r.next[key] {
			break
		}
		ready = append(ready, p.m)
		k.places[r.next[key]%places] = nil
		k.used--
		r.used--
		r.next[key]++
	}
	if k != nil && k.used == 0 {
		delete(r.rings, key)
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, k := range r.rings {
		for k.over(now.Add(-r.gap)) {
			first := int64(0)
			for _, p := range k.places {
				if p != nil && (first == 0 || p.m.Seq < first) {
					first = p.m.Seq
				}
			}
			missing = append(missing, Gap{key, max(1, r.next[key]), first - 1})
			r.next[key] = first
			ready = append(ready, r.run(key)...)
		}
	}
	return ready, missing
}

// over says whether something has waited since at, or longer.
func (k *ring) over(at time.Time) bool {
	for _, p := range k.places {
		if p != nil && !p.came.After(at) {
			return true
		}
	}
	return false
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, k := range r.rings {
		for _, p := range k.places {
			if p != nil && (!ok || p.came.Add(r.gap).Before(at)) {
				at, ok = p.came.Add(r.gap), true
			}
		}
	}
	return at, ok
}

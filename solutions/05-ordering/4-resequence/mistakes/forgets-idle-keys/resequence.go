// Forgets a key that has been idle for a day, with the row that it keeps for each key: a parcel is there by then.
// In production: a queue was stopped over the weekend, or a delivery is sent again after two days. Number 5 of a key that is
// forgotten waits for 1, which nobody will send: what was shown long ago is shown once more after gap, behind the newest.
//
// want TestNoKeyIsForgotten: "numbers that were returned before were not late"

package resequence

import (
	"errors"
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

// A parcel is the row of one key.
type parcel struct {
	next  int64
	seen  time.Time // when something of it came
	early map[int64]Message
	came  map[int64]time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, early int
	gap          time.Duration
	parcels      map[string]*parcel
	stored       map[string]int64
}

const idle = 24 * time.Hour

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, parcels: map[string]*parcel{}, stored: map[string]int64{}}
	for key, seq := range last {
		r.stored[key] = seq
	}
	return r
}

// parcel returns the row of a key, a new one where there is none.
func (r *Resequencer) parcel(key string, now time.Time) *parcel {
	p := r.parcels[key]
	if p == nil {
		p = &parcel{next: r.stored[key] + 1}
		r.parcels[key] = p
		delete(r.stored, key)
	}
	p.seen = now
	return p
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("not a number of a row")
	}
	p := r.parcel(m.Key, now)
	if m.Seq < p.next {
		return nil, ErrLate
	}
	if _, ok := p.early[m.Seq]; ok {
		return nil, ErrDuplicate
	}
	if m.Seq == p.next {
		p.next++
		return append([]Message{m}, r.advance(p)...), nil
	}
	if r.early >= r.limit {
		return nil, ErrFull
	}
	if p.early == nil {
		p.early, p.came = map[int64]Message{}, map[int64]time.Time{}
	}
	p.early[m.Seq], p.came[m.Seq] = m, now
	r.early++
	return nil, nil
}

// advance takes out what is next of a row.
func (r *Resequencer) advance(p *parcel) (ready []Message) {
	for m, ok := p.early[p.next]; ok; m, ok = p.early[p.next] {
		ready = append(ready, m)
		delete(p.early, p.next)
		delete(p.came, p.next)
		p.next++
		r.early--
	}
	if len(p.early) == 0 {
		p.early, p.came = nil, nil
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, p := range r.parcels {
		if len(p.early) == 0 && now.Sub(p.seen) > idle {
			delete(r.parcels, key)
			continue
		}
		var seqs []int64
		until := int64(0)
		for seq, came := range p.came {
			seqs = append(seqs, seq)
			if now.Sub(came) >= r.gap {
				until = max(until, seq)
			}
		}
		sort.Slice(seqs, func(i, j int) bool { return seqs[i] < seqs[j] })
		for _, seq := range seqs {
			if seq >= p.next && seq <= until {
				missing = append(missing, Gap{key, p.next, seq - 1})
				p.next = seq
				ready = append(ready, r.advance(p)...)
			}
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, p := range r.parcels {
		for _, came := range p.came {
			if t := came.Add(r.gap); !ok || t.Before(at) {
				at, ok = t, true
			}
		}
	}
	return at, ok
}

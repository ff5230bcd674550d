// Limits what waits of each key.
// In production: on a Monday three hundred parcels miss a scan, and of each of them a few messages wait, each within its
// limit. All together they are the prefetch: RabbitMQ sends nothing more, of no parcel, until the gaps are given up.
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

// A parcel is what is known of a key. What waits is in order, and came says of each since when.
type parcel struct {
	last  int64
	waits []Message
	came  []time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit   int
	gap     time.Duration
	parcels map[string]*parcel
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, parcels: map[string]*parcel{}}
	for key, seq := range last {
		r.parcels[key] = &parcel{last: seq}
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq <= 0 {
		return nil, fmt.Errorf("%s has no number %d", m.Key, m.Seq)
	}
	p, known := r.parcels[m.Key]
	if !known {
		p = &parcel{}
		r.parcels[m.Key] = p
	}
	i, waits := slices.BinarySearchFunc(p.waits, m.Seq, func(w Message, seq int64) int { return cmp.Compare(w.Seq, seq) })
	switch {
	case m.Seq <= p.last:
		return nil, ErrLate
	case waits:
		return nil, ErrDuplicate
	case m.Seq > p.last+1 && len(p.waits) == r.limit:
		return nil, ErrFull
	}
	p.waits, p.came = slices.Insert(p.waits, i, m), slices.Insert(p.came, i, now)
	return p.pop(0, nil), nil
}

// pop returns what is due, when everything up to a number is. It calls given with the gaps on the way.
func (p *parcel) pop(until int64, given func(from, to int64)) []Message {
	n := 0
	for n < len(p.waits) && (p.waits[n].Seq == p.last+1 || p.waits[n].Seq <= until) {
		if seq := p.waits[n].Seq; seq > p.last+1 {
			given(p.last+1, seq-1)
		}
		p.last = p.waits[n].Seq
		n++
	}
	ready := slices.Clone(p.waits[:n])
	p.waits, p.came = slices.Delete(p.waits, 0, n), slices.Delete(p.came, 0, n)
	if len(p.waits) == 0 {
		p.waits, p.came = nil, nil
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, p := range r.parcels {
		until := int64(0)
		for i, came := range p.came {
			if now.Sub(came) >= r.gap {
				until = p.waits[i].Seq
			}
		}
		if until > 0 {
			ready = append(ready, p.pop(until, func(from, to int64) { missing = append(missing, Gap{key, from, to}) })...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	var all []time.Time
	for _, p := range r.parcels {
		all = append(all, p.came...)
	}
	if len(all) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(all, time.Time.Compare).Add(r.gap), true
}

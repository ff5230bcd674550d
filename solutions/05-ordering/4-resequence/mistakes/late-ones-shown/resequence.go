// Remembers which numbers were given up. One that comes after all is returned: better late than never.
// In production: below "delivered" the page says "on its way", and a customer who reads from the top calls. The order was
// the only promise. Whoever wants to show late ones too can do so: ErrLate tells of them.
//
// want TestLateOnesAreTold: "Add parcel-7 3: parcel-7 3"

package resequence

import (
	"errors"
	"fmt"
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

type parcel struct {
	last  int64
	lost  []Gap
	early map[int64]Message
	since map[int64]time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, early int
	gap          time.Duration
	parcels      map[string]*parcel
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, parcels: map[string]*parcel{}}
	for key, seq := range last {
		r.parcel(key).last = seq
	}
	return r
}

func (r *Resequencer) parcel(key string) *parcel {
	p := r.parcels[key]
	if p == nil {
		p = &parcel{}
		r.parcels[key] = p
	}
	return p
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("number %d", m.Seq)
	}
	p := r.parcel(m.Key)
	if m.Seq <= p.last {
		if p.found(m.Seq) {
			return []Message{m}, nil
		}
		return nil, ErrLate
	}
	if _, waits := p.early[m.Seq]; waits {
		return nil, ErrDuplicate
	}
	if m.Seq > p.last+1 {
		if r.early >= r.limit {
			return nil, ErrFull
		}
		if p.early == nil {
			p.early, p.since = map[int64]Message{}, map[int64]time.Time{}
		}
		p.early[m.Seq], p.since[m.Seq] = m, now
		r.early++
		return nil, nil
	}
	p.last = m.Seq
	return append([]Message{m}, r.following(p)...), nil
}

// found takes a number out of those that are lost.
func (p *parcel) found(seq int64) bool {
	for i, g := range p.lost {
		if g.From <= seq && seq <= g.To {
			p.lost = slices.Replace(p.lost, i, i+1, Gap{g.Key, g.From, seq - 1}, Gap{g.Key, seq + 1, g.To})
			p.lost = slices.DeleteFunc(p.lost, func(g Gap) bool { return g.From > g.To })
			return true
		}
	}
	return false
}

func (r *Resequencer) following(p *parcel) (ready []Message) {
	for m, ok := p.early[p.last+1]; ok; m, ok = p.early[p.last+1] {
		ready = append(ready, m)
		delete(p.early, m.Seq)
		delete(p.since, m.Seq)
		p.last = m.Seq
		r.early--
	}
	if len(p.early) == 0 {
		p.early, p.since = nil, nil
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, p := range r.parcels {
		until := int64(0)
		for seq, since := range p.since {
			if now.Sub(since) >= r.gap {
				until = max(until, seq)
			}
		}
		for p.last < until {
			first := slices.Min(slices.Collect(maps.Keys(p.early)))
			g := Gap{key, p.last + 1, first - 1}
			missing, p.lost = append(missing, g), append(p.lost, g)
			p.last = first - 1
			ready = append(ready, r.following(p)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, p := range r.parcels {
		for _, since := range p.since {
			if end := since.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

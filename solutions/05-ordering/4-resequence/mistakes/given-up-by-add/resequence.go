// Add looks whether a gap's time is over, too: then nobody has to call Expire on a busy key.
// In production: Add can't name what it gives up, so nobody hears that a scan is missing. And the missing one, which comes
// right now, is late: after an outage of an hour that is every one of them.
//
// want TestOnlyExpireGivesUp: "Add parcel-7 4: parcel-7 2"

package resequence

import (
	"cmp"
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

type stay struct {
	message Message
	ends    time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64
	stays map[string][]stay // in order
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}, stays: map[string][]stay{}}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("unnumbered")
	}
	if m.Seq <= r.last[m.Key] {
		return nil, ErrLate
	}
	if slices.ContainsFunc(r.stays[m.Key], func(s stay) bool { return s.message.Seq == m.Seq }) {
		return nil, ErrDuplicate
	}
	if m.Seq > r.last[m.Key]+1 && r.count() >= r.limit {
		return nil, ErrFull
	}
	stays := append(r.stays[m.Key], stay{m, now.Add(r.gap)})
	slices.SortFunc(stays, func(a, b stay) int { return cmp.Compare(a.message.Seq, b.message.Seq) })
	r.stays[m.Key] = stays
	ready, _ := r.check(m.Key, now)
	return ready, nil
}

func (r *Resequencer) count() (n int) {
	for _, stays := range r.stays {
		n += len(stays)
	}
	return n
}

// check takes out what is due of a key, because it is next or because its time is over.
func (r *Resequencer) check(key string, now time.Time) (ready []Message, missing []Gap) {
	stays := r.stays[key]
	isOver := func(s stay) bool { return !now.Before(s.ends) }
	for len(stays) > 0 {
		seq, last := stays[0].message.Seq, r.last[key]
		if seq > last+1 {
			if !slices.ContainsFunc(stays, isOver) {
				break
			}
			missing = append(missing, Gap{key, last + 1, seq - 1})
		}
		ready = append(ready, stays[0].message)
		r.last[key] = seq
		stays = stays[1:]
	}
	r.stays[key] = stays
	if len(stays) == 0 {
		delete(r.stays, key)
	}
	return ready, missing
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key := range r.stays {
		messages, gaps := r.check(key, now)
		ready, missing = append(ready, messages...), append(missing, gaps...)
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, stays := range r.stays {
		for _, s := range stays {
			if !ok || s.ends.Before(at) {
				at, ok = s.ends, true
			}
		}
	}
	return at, ok
}

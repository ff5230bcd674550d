// Keeps what waits in one map, by key and number written one after the other: "parcel-772" is 72 of parcel-7, and 2 of
// parcel-77.
// In production: 72 of parcel-7 waits, 2 of parcel-77 comes, and is told to be a duplicate. Its caller acks it: it is lost.
// And when 1 of parcel-77 comes, the 72 of parcel-7 is returned behind it, on the wrong page.
//
// want TestKeysDoNotWaitForEachOther: "Add parcel-77 2: ErrDuplicate"

package resequence

import (
	"errors"
	"maps"
	"sort"
	"strconv"
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

func name(key string, seq int64) string { return key + strconv.FormatInt(seq, 10) }

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64
	waits map[string]Message
	until map[string]time.Time
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}}
	r.waits, r.until = map[string]Message{}, map[string]time.Time{}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("below 1")
	} else if m.Seq <= r.last[m.Key] {
		return nil, ErrLate
	} else if m.Seq == r.last[m.Key]+1 {
		r.last[m.Key] = m.Seq
		return r.after(m), nil
	}
	n := name(m.Key, m.Seq)
	if _, ok := r.waits[n]; ok {
		return nil, ErrDuplicate
	} else if len(r.waits) >= r.limit {
		return nil, ErrFull
	}
	r.waits[n], r.until[n] = m, now.Add(r.gap)
	return nil, nil
}

// after returns m and what follows it.
func (r *Resequencer) after(m Message) []Message {
	ready := []Message{m}
	for {
		n := name(m.Key, r.last[m.Key]+1)
		next, ok := r.waits[n]
		if !ok {
			return ready
		}
		delete(r.waits, n)
		delete(r.until, n)
		r.last[m.Key]++
		ready = append(ready, next)
	}
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	over := map[string]int64{} // by key: up to where
	var all []Message
	for n, m := range r.waits {
		all = append(all, m)
		if !r.until[n].After(now) {
			over[m.Key] = max(over[m.Key], m.Seq)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Seq < all[j].Seq })
	for _, m := range all {
		last := r.last[m.Key]
		if m.Seq <= last || m.Seq > over[m.Key] {
			continue
		}
		delete(r.waits, name(m.Key, m.Seq))
		delete(r.until, name(m.Key, m.Seq))
		if m.Seq > last+1 {
			missing = append(missing, Gap{m.Key, last + 1, m.Seq - 1})
		}
		r.last[m.Key] = m.Seq
		ready = append(ready, r.after(m)...)
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, t := range r.until {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	return at, ok
}

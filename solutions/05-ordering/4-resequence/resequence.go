// Package resequence puts numbered messages back into their order: the history of a parcel, of which "delivered" came before
// "on its way". What doesn't come in time is given up. It stores nothing and answers nothing: that is its caller's part.
package resequence

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A Message is one of a row: its sender numbers those of each key 1, 2, 3 and so on.
type Message struct {
	Key      string        // whose row it is in: "parcel-7"
	Seq      int64         // its number there
	Delivery amqp.Delivery // the caller's, who has to answer it
}

// A Gap is what is missing in a row: all numbers from From to To, which are equal where it is one.
type Gap struct {
	Key      string
	From, To int64
}

// What Add says of a message that it doesn't take.
var (
	// ErrLate: this number, or a later one, was returned before. Which of both isn't kept: look at what you have stored.
	ErrLate = errors.New("late")
	// ErrDuplicate: a message with this number waits already, and goes on waiting.
	ErrDuplicate = errors.New("duplicate")
	// ErrFull: it is early, and as many wait as may.
	ErrFull = errors.New("full")
)

// A Resequencer keeps what comes early until its turn.
//
//	Add ─┬─ next of its key ──▶ returned, with what waited for it alone ──▶ caller: store, then ack
//	     ├─ early ────────────▶ waits, unacked ── Expire: time is over ───▶ the same
//	     └─ late, duplicate ──▶ an error ─────────────────────────────────▶ caller: ack
//
// What it promises:
//   - Messages of a key are returned in the order of their numbers, and none twice. Keys don't wait for each other.
//   - At most limit messages wait, those of all keys together. They are unacked, so the caller's prefetch must be above limit:
//     else all that RabbitMQ may send waits, and the one that they wait for is never sent.
//   - A gap is open since the first message from behind it came, other gaps or not. So nothing waits longer than gap, if
//     Expire is called when Next says.
//   - It knows no time but the caller's now. Expire's may be ahead of what Add is given next.
//   - Of a key of which nothing waits one number is kept, for good: without it nobody knows what is late.
//   - Slices that it returns are the caller's alone.
//   - It starts no goroutine, and is for one.
//   - When the channel is lost, RabbitMQ sends again what was not acked: make a new Resequencer then.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64 // of each key the number returned last
	early []early          // what waits, by key and number
}

type early struct {
	Message
	came time.Time
}

// New returns a Resequencer. limit is 1 or more, gap is above 0. last has of each key the highest number that the caller has
// stored. A key that isn't there begins with 1. New copies last, which may be nil.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: make(map[string]int64, len(last))}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now: m, if its number is the next of its key, and what waited for m alone.
//   - It is early: it waits, and nil, nil is returned.
//   - It is late, or a duplicate: an error that wraps ErrLate or ErrDuplicate, full or not.
//   - It is early, no duplicate, and limit messages wait: an error that wraps ErrFull. (To make room, give up the oldest gap
//     before its time: Expire with the time that Next says. Given back to RabbitMQ, it comes again at once.)
//   - Its number is below 1: an error that wraps none of these.
//   - With an error nothing is returned, and nothing has changed.
//   - Add gives nothing up: what comes before Expire is in time.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("%s: %d is no number", m.Key, m.Seq)
	}
	last := r.last[m.Key]
	if m.Seq <= last {
		return nil, fmt.Errorf("%s: number %d after %d: %w", m.Key, m.Seq, last, ErrLate)
	}
	i, waits := r.find(m.Key, m.Seq)
	if waits {
		return nil, fmt.Errorf("%s: number %d: %w", m.Key, m.Seq, ErrDuplicate)
	}
	if m.Seq > last+1 && len(r.early) >= r.limit {
		return nil, fmt.Errorf("%s: number %d, and %d is missing: %w", m.Key, m.Seq, last+1, ErrFull)
	}
	r.early = slices.Insert(r.early, i, early{m, now})
	if m.Seq > last+1 {
		return nil, nil
	}
	ready, _ := r.take(m.Key, m.Seq)
	return ready, nil
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
//   - ready is what waited behind these gaps and waits for nothing else now, each key in order. Which key comes first is open.
//   - missing names each gap that was given up, those of a key in order.
//   - It takes no longer, however many numbers are in a gap.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	until := map[string]int64{} // of each key the highest number that has waited long enough
	for _, e := range r.early {
		if now.Sub(e.came) >= r.gap {
			until[e.Key] = e.Seq
		}
	}
	for key, seq := range until {
		messages, gaps := r.take(key, seq)
		ready = append(ready, messages...)
		missing = append(missing, gaps...)
	}
	return ready, missing
}

// Next returns the earliest time at which Expire gives something up, as things are now. Nothing waits: ok is false.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.early) == 0 {
		return time.Time{}, false
	}
	first := slices.MinFunc(r.early, func(a, b early) int { return a.came.Compare(b.came) })
	return first.came.Add(r.gap), true
}

// take takes out what waits of a key up to until, and what comes right after that, and returns the gaps before it.
func (r *Resequencer) take(key string, until int64) (messages []Message, gaps []Gap) {
	last := r.last[key]
	first, _ := r.find(key, 0)
	end := first
	for ; end < len(r.early) && r.early[end].Key == key; end++ {
		m := r.early[end].Message
		if m.Seq > last+1 {
			if m.Seq > until {
				break
			}
			gaps = append(gaps, Gap{Key: key, From: last + 1, To: m.Seq - 1})
		}
		messages = append(messages, m)
		last = m.Seq
	}
	r.early = slices.Delete(r.early, first, end)
	r.last[key] = last
	return messages, gaps
}

// find returns where a message is among those that wait, or where it would be.
func (r *Resequencer) find(key string, seq int64) (int, bool) {
	return slices.BinarySearchFunc(r.early, Message{Key: key, Seq: seq}, func(e early, m Message) int {
		return cmp.Or(cmp.Compare(e.Key, m.Key), cmp.Compare(e.Seq, m.Seq))
	})
}

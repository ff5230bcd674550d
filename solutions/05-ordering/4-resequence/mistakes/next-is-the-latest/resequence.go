// Keeps the end of the gap that opened last, and Next returns that, whether it is still open or not.
// In production: the timer is set to the youngest gap, so older ones end late. When nothing waits, it is set to a time that
// is over: it fires at once, Expire finds nothing, it is set again. One core is busy, all night.
//
// want TestNextSaysWhenExpireIsDue: "Next: 12m0s"

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

type waits struct {
	Message
	until time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, held int
	gap         time.Duration
	next        map[string]int64 // 0 and 1 both say that nothing was returned
	early       map[string]map[int64]waits
	timer       time.Time
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, next: map[string]int64{}, early: map[string]map[int64]waits{}}
	for key, seq := range last {
		r.next[key] = seq + 1
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	next := max(1, r.next[m.Key])
	_, again := r.early[m.Key][m.Seq]
	switch {
	case m.Seq < 1:
		return nil, errors.New("below 1")
	case m.Seq < next:
		return nil, ErrLate
	case again:
		return nil, ErrDuplicate
	case m.Seq == next:
		return r.from(m.Key, next+1, []Message{m}), nil
	case r.held == r.limit:
		return nil, ErrFull
	}
	if len(r.early[m.Key]) == 0 {
		r.early[m.Key] = map[int64]waits{}
	}
	r.timer = now.Add(r.gap)
	r.early[m.Key][m.Seq] = waits{m, r.timer}
	r.held++
	return nil, nil
}

// from adds what is due of a key to ready, when next is.
func (r *Resequencer) from(key string, next int64, ready []Message) []Message {
	w, ok := r.early[key][next]
	if !ok {
		r.next[key] = next
		return ready
	}
	r.held--
	if delete(r.early[key], next); len(r.early[key]) == 0 {
		delete(r.early, key)
	}
	return r.from(key, next+1, append(ready, w.Message))
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, early := range r.early {
		seqs := slices.Sorted(maps.Keys(early))
		for len(seqs) > 0 && now.Before(early[seqs[len(seqs)-1]].until) {
			seqs = seqs[:len(seqs)-1]
		}
		for _, seq := range seqs {
			if next := max(1, r.next[key]); seq > next {
				missing = append(missing, Gap{Key: key, From: next, To: seq - 1})
				ready = r.from(key, seq, ready)
			}
		}
	}
	return ready, missing
}

// Next returns when the gap ends that opened last.
func (r *Resequencer) Next() (at time.Time, ok bool) { return r.timer, !r.timer.IsZero() }

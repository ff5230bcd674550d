// Says ErrDuplicate, but has put the copy in the place of the one that waits.
// In production: the caller has acked the copy, as one does with a duplicate. Its turn comes, it is acked again: RabbitMQ
// closes the channel (406, unknown delivery tag). The first delivery is never acked, and all of it is sent again.
//
// want TestDuplicatesAreTold: "Add parcel-7 1: parcel-7 1, 2 (with a delivery that was not taken), 3"
// want TestAnyHistory: "(with a delivery that was not taken)"

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

type held struct {
	Message
	since time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[string]int64
	held  map[string]map[int64]held
	count int
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, last: map[string]int64{}, held: map[string]map[int64]held{}}
	maps.Copy(r.last, last)
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("%s: %d", m.Key, m.Seq)
	}
	if m.Seq <= r.last[m.Key] {
		return nil, fmt.Errorf("%s %d: %w", m.Key, m.Seq, ErrLate)
	}
	if m.Seq == r.last[m.Key]+1 {
		r.last[m.Key]++
		return append([]Message{m}, r.release(m.Key)...), nil
	}
	of := r.held[m.Key]
	if of == nil {
		of = map[int64]held{}
	}
	old, again := of[m.Seq]
	if !again {
		if r.count >= r.limit {
			return nil, fmt.Errorf("%s %d: %w", m.Key, m.Seq, ErrFull)
		}
		r.count++
		old.since = now
	}
	r.held[m.Key] = of
	of[m.Seq] = held{m, old.since}
	if again {
		return nil, fmt.Errorf("%s %d: %w", m.Key, m.Seq, ErrDuplicate)
	}
	return nil, nil
}

func (r *Resequencer) release(key string) (out []Message) {
	for {
		h, ok := r.held[key][r.last[key]+1]
		if !ok {
			break
		}
		out = append(out, h.Message)
		r.last[key]++
		r.count--
		delete(r.held[key], h.Seq)
	}
	if len(r.held[key]) == 0 {
		delete(r.held, key)
	}
	return out
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key := range r.held {
		until := int64(0)
		for seq, h := range r.held[key] {
			if now.Sub(h.since) >= r.gap && seq > until {
				until = seq
			}
		}
		for r.last[key] < until {
			first := slices.Min(slices.Collect(maps.Keys(r.held[key])))
			missing = append(missing, Gap{key, r.last[key] + 1, first - 1})
			r.last[key] = first - 1
			ready = append(ready, r.release(key)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	var oldest *time.Time
	for _, of := range r.held {
		for _, h := range of {
			if oldest == nil || h.since.Before(*oldest) {
				oldest = &h.since
			}
		}
	}
	if oldest == nil {
		return time.Time{}, false
	}
	return oldest.Add(r.gap), true
}

// Looks first whether there is room, and then at the message.
// In production: the buffer is full, and the one message that would empty it is refused like all others. Its caller gives it
// back, it comes again, is refused again: nothing moves until the gap is given up, with the missing message at hand.
//
// want TestFullTakesWhatIsDue: "Add parcel-8 1: ErrFull"

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

type waiter struct {
	seq  int64
	msg  Message
	came time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	free    int
	gap     time.Duration
	expect  map[string]int64
	waiters map[string][]waiter
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{free: limit, gap: gap, expect: map[string]int64{}, waiters: map[string][]waiter{}}
	for key, seq := range last {
		r.expect[key] = seq + 1
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("%s/%d: not a number", m.Key, m.Seq)
	}
	if r.expect[m.Key] == 0 {
		r.expect[m.Key] = 1
	}
	if m.Seq < r.expect[m.Key] {
		return nil, fmt.Errorf("%s/%d: %w", m.Key, m.Seq, ErrLate)
	}
	for _, w := range r.waiters[m.Key] {
		if w.seq == m.Seq {
			return nil, fmt.Errorf("%s/%d: %w", m.Key, m.Seq, ErrDuplicate)
		}
	}
	if r.free == 0 {
		return nil, fmt.Errorf("%s/%d: %w", m.Key, m.Seq, ErrFull)
	}
	r.free--
	r.waiters[m.Key] = append(r.waiters[m.Key], waiter{m.Seq, m, now})
	slices.SortFunc(r.waiters[m.Key], func(a, b waiter) int { return cmp.Compare(a.seq, b.seq) })
	return r.call(m.Key), nil
}

// call lets those through whose turn it is.
func (r *Resequencer) call(key string) (through []Message) {
	for len(r.waiters[key]) > 0 && r.waiters[key][0].seq == r.expect[key] {
		through = append(through, r.waiters[key][0].msg)
		r.waiters[key] = slices.Delete(r.waiters[key], 0, 1)
		r.expect[key]++
		r.free++
	}
	if len(r.waiters[key]) == 0 {
		delete(r.waiters, key)
	}
	return through
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, waiters := range r.waiters {
		end := int64(0)
		for _, w := range waiters {
			if !w.came.Add(r.gap).After(now) {
				end = w.seq
			}
		}
		for r.expect[key] <= end {
			missing = append(missing, Gap{Key: key, From: r.expect[key], To: r.waiters[key][0].seq - 1})
			r.expect[key] = r.waiters[key][0].seq
			ready = append(ready, r.call(key)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, waiters := range r.waiters {
		for _, w := range waiters {
			if end := w.came.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

// Keeps everything for a while, in order or not, and returns what is old enough, sorted: a jitter buffer.
// In production: each scan is shown ten minutes late, though nearly all come in order. All of them need a place meanwhile.
// And what comes later than the while is still out of order.
//
// want TestEarlyOnesWaitForTheirTurn: "Add parcel-7 1: waits"

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

type arrival struct {
	Message
	at time.Time
}

// A Resequencer keeps what comes for a while, and sorts it.
type Resequencer struct {
	limit    int
	gap      time.Duration
	shown    map[string]int64
	arrivals []arrival
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, shown: map[string]int64{}}
	maps.Copy(r.shown, last)
	return r
}

// Add takes a message. Expire returns it when it has waited.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("not a number of a row")
	}
	if m.Seq <= r.shown[m.Key] {
		return nil, ErrLate
	}
	for _, a := range r.arrivals {
		if a.Key == m.Key && a.Seq == m.Seq {
			return nil, ErrDuplicate
		}
	}
	if len(r.arrivals) >= r.limit {
		return nil, ErrFull
	}
	r.arrivals = append(r.arrivals, arrival{m, now})
	return nil, nil
}

// Expire returns what has waited long enough, sorted, and says what is missing.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	var rest []arrival
	for _, a := range r.arrivals {
		if now.Sub(a.at) >= r.gap {
			ready = append(ready, a.Message)
		} else {
			rest = append(rest, a)
		}
	}
	r.arrivals = rest
	slices.SortFunc(ready, func(a, b Message) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Seq, b.Seq)) })
	for _, m := range ready {
		if before := r.shown[m.Key]; m.Seq > before+1 {
			missing = append(missing, Gap{Key: m.Key, From: before + 1, To: m.Seq - 1})
		}
		r.shown[m.Key] = m.Seq
	}
	return ready, missing
}

// Next returns when the oldest message has waited long enough.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.arrivals) == 0 {
		return time.Time{}, false
	}
	return r.arrivals[0].at.Add(r.gap), true
}

// Sorts what waits of a key on each Add, and takes from the front by cutting the slice: row = row[1:].
// In production: what was cut off stays in memory as long as the slice does, which the key keeps for its next messages. Of
// each parcel that ever had something to wait for a delivery is held, with body and headers: not a number, but a kilobyte or
// ten. After a million parcels the process is killed.
//
// want TestDoneIsOneNumberPerKey: "1,000 keys had two messages of 1 KB each, all returned; it holds "

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

type row struct {
	last  int64
	waits []waiting // by number
}

type waiting struct {
	Message
	since time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, waiting int
	gap            time.Duration
	rows           map[string]*row
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, rows: map[string]*row{}}
	for key, n := range last {
		r.rows[key] = &row{last: n}
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("bad number")
	}
	k, ok := r.rows[m.Key]
	if !ok {
		k = &row{}
		r.rows[m.Key] = k
	}
	if m.Seq <= k.last {
		return nil, ErrLate
	}
	for _, w := range k.waits {
		if w.Seq == m.Seq {
			return nil, ErrDuplicate
		}
	}
	if m.Seq > k.last+1 && r.waiting >= r.limit {
		return nil, ErrFull
	}
	k.waits = append(k.waits, waiting{m, now})
	sort.Slice(k.waits, func(i, j int) bool { return k.waits[i].Seq < k.waits[j].Seq })
	r.waiting++
	return r.pop(k), nil
}

// pop takes from the front of a row what is next.
func (r *Resequencer) pop(k *row) (ready []Message) {
	for len(k.waits) > 0 && k.waits[0].Seq == k.last+1 {
		ready = append(ready, k.waits[0].Message)
		k.waits = k.waits[1:]
		k.last++
		r.waiting--
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, k := range r.rows {
		n := len(k.waits)
		for n > 0 && now.Sub(k.waits[n-1].since) < r.gap {
			n--
		}
		if n == 0 {
			continue
		}
		until := k.waits[n-1].Seq
		for len(k.waits) > 0 && k.waits[0].Seq <= until {
			missing = append(missing, Gap{key, k.last + 1, k.waits[0].Seq - 1})
			k.last = k.waits[0].Seq - 1
			ready = append(ready, r.pop(k)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, k := range r.rows {
		for _, w := range k.waits {
			if end := w.since.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

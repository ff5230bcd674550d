// Takes the map of New for its own, and goes on counting in it.
// In production: it is the caller's record of what is stored. A message that was returned and isn't stored yet is in it
// already: the database fails, the caller makes a new Resequencer from its record, the message comes again, is late, and is
// acked. It is on no page.
//
// want TestRestartGoesOn: "which is map[parcel-7:5 parcel-8:1] now"

package resequence

import (
	"cmp"
	"errors"
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

type key = string

type seat struct {
	seq   int64
	came  time.Time
	guest Message
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	last  map[key]int64
	seats map[key][]seat // in the order of their numbers
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	if last == nil {
		last = map[key]int64{}
	}
	return &Resequencer{limit: limit, gap: gap, last: last, seats: map[key][]seat{}}
}

func (r *Resequencer) taken() (n int) {
	for _, seats := range r.seats {
		n += len(seats)
	}
	return n
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("there is no such number")
	}
	seats := r.seats[m.Key]
	i, taken := slices.BinarySearchFunc(seats, m.Seq, func(s seat, seq int64) int { return cmp.Compare(s.seq, seq) })
	switch distance := m.Seq - r.last[m.Key]; {
	case distance <= 0:
		return nil, ErrLate
	case taken:
		return nil, ErrDuplicate
	case distance > 1 && r.taken() >= r.limit:
		return nil, ErrFull
	}
	r.seats[m.Key] = slices.Insert(seats, i, seat{m.Seq, now, m})
	ready, _ := r.leave(m.Key, 0)
	return ready, nil
}

// leave empties the first n seats of a key, and those that are next then.
func (r *Resequencer) leave(of key, n int) (ready []Message, missing []Gap) {
	seats := r.seats[of]
	for i, s := range seats {
		if s.seq > r.last[of]+1 {
			if i >= n {
				r.seats[of] = seats[i:]
				return ready, missing
			}
			missing = append(missing, Gap{of, r.last[of] + 1, s.seq - 1})
		}
		ready = append(ready, s.guest)
		r.last[of] = s.seq
	}
	delete(r.seats, of)
	return ready, missing
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for of, seats := range r.seats {
		n := len(seats)
		for n > 0 && now.Sub(seats[n-1].came) < r.gap {
			n--
		}
		if n == 0 {
			continue
		}
		messages, gaps := r.leave(of, n)
		ready, missing = append(ready, messages...), append(missing, gaps...)
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, seats := range r.seats {
		for _, s := range seats {
			if end := s.came.Add(r.gap); !ok || end.Before(at) {
				at, ok = end, true
			}
		}
	}
	return at, ok
}

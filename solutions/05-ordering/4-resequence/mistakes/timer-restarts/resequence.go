// Starts the time of a key again with each message that comes early, as one resets a timer when something happens.
// In production: while messages come more often than gap, the gap is never given up. The parcels with the most news stand
// still longest, until the buffer is full.
//
// want TestGapIsAsOldAsTheFirstBehindIt: "Next: 19m59s"

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

type shelf struct {
	next     int64
	waits    map[int64]Message
	deadline time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit   int
	gap     time.Duration
	shelves map[string]*shelf
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{limit: limit, gap: gap, shelves: make(map[string]*shelf)}
	for key, seq := range last {
		r.shelves[key] = &shelf{next: seq + 1}
	}
	return r
}

func (r *Resequencer) waiting() (n int) {
	for _, s := range r.shelves {
		n += len(s.waits)
	}
	return n
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("a number below 1")
	}
	s, ok := r.shelves[m.Key]
	if !ok {
		s = &shelf{next: 1}
		r.shelves[m.Key] = s
	}
	if m.Seq < s.next {
		return nil, ErrLate
	}
	if m.Seq == s.next {
		s.next++
		return s.drain([]Message{m}), nil
	}
	if _, ok := s.waits[m.Seq]; ok {
		return nil, ErrDuplicate
	}
	if r.waiting() >= r.limit {
		return nil, ErrFull
	}
	if s.waits == nil {
		s.waits = make(map[int64]Message)
	}
	s.waits[m.Seq] = m
	s.deadline = now.Add(r.gap)
	return nil, nil
}

func (s *shelf) drain(ready []Message) []Message {
	for {
		m, ok := s.waits[s.next]
		if !ok {
			break
		}
		delete(s.waits, s.next)
		ready = append(ready, m)
		s.next++
	}
	if len(s.waits) == 0 {
		s.waits = nil
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, s := range r.shelves {
		if len(s.waits) == 0 || now.Before(s.deadline) {
			continue
		}
		for _, seq := range slices.Sorted(maps.Keys(s.waits)) {
			if seq > s.next {
				missing = append(missing, Gap{Key: key, From: s.next, To: seq - 1})
				s.next = seq
			}
			ready = s.drain(ready)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, s := range r.shelves {
		if len(s.waits) > 0 && (!ok || s.deadline.Before(at)) {
			at, ok = s.deadline, true
		}
	}
	return at, ok
}

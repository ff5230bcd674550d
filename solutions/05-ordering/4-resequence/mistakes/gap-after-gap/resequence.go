// Starts the time of a gap when the gap before it has ended: only then the key waits for it.
// In production: each lost scan adds its own ten minutes. A parcel with five of them is shown an hour late, though gap
// promises ten minutes, and its messages wait unacked all the time.
//
// want TestGapIsAsOldAsTheFirstBehindIt: "Next: 19m59s"

package resequence

import (
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

type line struct {
	last    int64
	opened  time.Time // since when last+1 is missing
	waiting []Message // in order
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit, total int
	gap          time.Duration
	lines        map[string]*line
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	lines := map[string]*line{}
	for key, seq := range last {
		lines[key] = &line{last: seq}
	}
	return &Resequencer{limit: limit, gap: gap, lines: lines}
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, fmt.Errorf("%d is below 1", m.Seq)
	}
	l := r.lines[m.Key]
	if l == nil {
		l = new(line)
		r.lines[m.Key] = l
	}
	if m.Seq <= l.last {
		return nil, ErrLate
	}
	at, found := slices.BinarySearchFunc(l.waiting, m, func(a, b Message) int { return int(a.Seq - b.Seq) })
	if found {
		return nil, ErrDuplicate
	}
	early := m.Seq != l.last+1
	if early && r.total >= r.limit {
		return nil, ErrFull
	}
	if early && len(l.waiting) == 0 {
		l.opened = now
	}
	l.waiting = slices.Insert(l.waiting, at, m)
	r.total++
	if early {
		return nil, nil
	}
	return r.shift(l, now), nil
}

// shift takes out what is due. If something else is missing then, its time begins.
func (r *Resequencer) shift(l *line, now time.Time) (out []Message) {
	for len(l.waiting) > 0 && l.waiting[0].Seq == l.last+1 {
		out = append(out, l.waiting[0])
		l.waiting = slices.Delete(l.waiting, 0, 1)
		l.last++
		r.total--
	}
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	l.opened = now
	return out
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, l := range r.lines {
		for len(l.waiting) > 0 && now.Sub(l.opened) >= r.gap {
			missing = append(missing, Gap{Key: key, From: l.last + 1, To: l.waiting[0].Seq - 1})
			l.last = l.waiting[0].Seq - 1
			ready = append(ready, r.shift(l, now)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	for _, l := range r.lines {
		if end := l.opened.Add(r.gap); len(l.waiting) > 0 && (!ok || end.Before(at)) {
			at, ok = end, true
		}
	}
	return at, ok
}

// Puts the message in its place first, and then sees that it is one too many. It says ErrFull, and the message is in.
// In production: the caller gives back what was refused, and RabbitMQ sends it again: it is a duplicate now, and acked. Or
// its turn comes meanwhile: it is returned, with a delivery that has its answer already, and RabbitMQ closes the channel
// (406).
//
// want TestLimitCountsAllKeys: "Add parcel-8 1: parcel-8 1, 2, 3 (with a delivery that was not taken)"

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

type pending struct {
	msgs  map[int64]Message
	times map[int64]time.Time
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	done  map[string]int64
	keys  map[string]pending
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	done := maps.Clone(last)
	if done == nil {
		done = make(map[string]int64)
	}
	return &Resequencer{limit: limit, gap: gap, done: done, keys: make(map[string]pending)}
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("a message without a number")
	}
	if m.Seq <= r.done[m.Key] {
		return nil, ErrLate
	}
	if _, ok := r.keys[m.Key].msgs[m.Seq]; ok {
		return nil, ErrDuplicate
	}
	p, ok := r.keys[m.Key]
	if !ok {
		p = pending{map[int64]Message{}, map[int64]time.Time{}}
		r.keys[m.Key] = p
	}
	p.msgs[m.Seq], p.times[m.Seq] = m, now
	if ready := r.flush(m.Key, 0, nil); len(ready) > 0 {
		return ready, nil
	}
	total := 0
	for _, p := range r.keys {
		total += len(p.msgs)
	}
	if total > r.limit {
		return nil, ErrFull
	}
	return nil, nil
}

// flush takes out what is due, and what is not above until. It reports what is missing before.
func (r *Resequencer) flush(key string, until int64, report func(Gap)) (ready []Message) {
	p := r.keys[key]
	for _, seq := range slices.Sorted(maps.Keys(p.msgs)) {
		if seq > r.done[key]+1 {
			if seq > until {
				break
			}
			report(Gap{Key: key, From: r.done[key] + 1, To: seq - 1})
		}
		ready = append(ready, p.msgs[seq])
		delete(p.msgs, seq)
		delete(p.times, seq)
		r.done[key] = seq
	}
	if len(p.msgs) == 0 {
		delete(r.keys, key)
	}
	return ready
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	for key, p := range r.keys {
		until := int64(-1)
		for seq, came := range p.times {
			if now.Sub(came) >= r.gap {
				until = max(until, seq)
			}
		}
		if until > 0 {
			ready = append(ready, r.flush(key, until, func(g Gap) { missing = append(missing, g) })...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	var times []time.Time
	for _, p := range r.keys {
		times = slices.AppendSeq(times, maps.Values(p.times))
	}
	if len(times) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(times, time.Time.Compare).Add(r.gap), true
}

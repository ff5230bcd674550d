// Knows a late one by looking it up among all numbers that were ever returned or given up.
// In production: the memory grows with each message of each parcel, for as long as the process lives. After some weeks it is
// killed, at night.
//
// want TestDoneIsOneNumberPerKey: "it holds "
// want TestWideGapCostsNoMore: "Expire gave up 200,000 numbers of parcel-7, and took"

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

type id struct {
	key string
	seq int64
}

// A Resequencer keeps what comes early until its turn.
type Resequencer struct {
	limit int
	gap   time.Duration
	next  map[string]int64
	seen  map[id]bool
	early map[id]Message
	since map[id]time.Time
}

// New returns a Resequencer that goes on after last.
func New(limit int, gap time.Duration, last map[string]int64) *Resequencer {
	r := &Resequencer{
		limit: limit, gap: gap,
		next: map[string]int64{}, seen: map[id]bool{}, early: map[id]Message{}, since: map[id]time.Time{},
	}
	for key, seq := range last {
		r.next[key] = seq + 1
		for n := range seq {
			r.seen[id{key, n + 1}] = true
		}
	}
	return r
}

// Add takes a message, and returns what is due now.
func (r *Resequencer) Add(m Message, now time.Time) ([]Message, error) {
	if m.Seq < 1 {
		return nil, errors.New("no such number")
	}
	i := id{m.Key, m.Seq}
	if r.seen[i] {
		return nil, ErrLate
	}
	if _, ok := r.early[i]; ok {
		return nil, ErrDuplicate
	}
	if r.next[m.Key] == 0 {
		r.next[m.Key] = 1
	}
	if m.Seq != r.next[m.Key] && len(r.early) >= r.limit {
		return nil, ErrFull
	}
	r.early[i], r.since[i] = m, now
	return r.follow(m.Key), nil
}

func (r *Resequencer) follow(key string) (ready []Message) {
	for i := (id{key, r.next[key]}); ; i.seq++ {
		m, ok := r.early[i]
		if !ok {
			r.next[key] = i.seq
			return ready
		}
		ready = append(ready, m)
		delete(r.early, i)
		delete(r.since, i)
		r.seen[i] = true
	}
}

// Expire gives up each gap that has been open for gap or longer, and returns what is due then.
func (r *Resequencer) Expire(now time.Time) (ready []Message, missing []Gap) {
	waits := map[string][]int64{} // of each key, up to the one that has waited long enough
	for i := range r.early {
		waits[i.key] = append(waits[i.key], i.seq)
	}
	for key, seqs := range waits {
		slices.Sort(seqs)
		for len(seqs) > 0 && now.Sub(r.since[id{key, seqs[len(seqs)-1]}]) < r.gap {
			seqs = seqs[:len(seqs)-1]
		}
		for _, seq := range seqs {
			if seq < r.next[key] {
				continue
			}
			missing = append(missing, Gap{key, r.next[key], seq - 1})
			for n := r.next[key]; n < seq; n++ {
				r.seen[id{key, n}] = true
			}
			r.next[key] = seq
			ready = append(ready, r.follow(key)...)
		}
	}
	return ready, missing
}

// Next returns when the oldest gap is over.
func (r *Resequencer) Next() (at time.Time, ok bool) {
	if len(r.since) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(slices.Collect(maps.Values(r.since)), time.Time.Compare).Add(r.gap), true
}

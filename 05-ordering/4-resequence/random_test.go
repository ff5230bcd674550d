package resequence_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"warren.example/workshop/lab"
)

// A move is one call of a history: Expire, or Add where there is a key. Next is asked after each.
type move struct {
	at  time.Duration
	key string
	seq int64
}

// A history is what may happen to parcels: scans that overtake each other, come twice, come late, or never.
type history struct {
	limit int
	moves []move
}

// TestAnyHistory makes histories up, the short ones first, and compares each call with what model says. What differs is made as
// short as it gets before it is shown. The histories are the same in each run.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	const histories = 500
	for n := range histories {
		h := makeUp(rand.New(rand.NewPCG(5, uint64(n))), 2+n*24/histories)
		var bad *difference
		l.Finished(l.Do("Resequencer", func(context.Context) (err error) {
			bad, err = h.play()
			for i := 0; bad != nil && i < len(h.moves); {
				shorter := history{h.limit, slices.Delete(slices.Clone(h.moves), i, i+1)}
				if still, _ := shorter.play(); still != nil {
					h, bad = shorter, still
				} else {
					i++
				}
			}
			return err
		}))
		if bad == nil {
			continue
		}
		l.Fail(lab.Claim{
			Saw:  fmt.Sprintf("%s: %s. (History %d, rand.NewPCG(5, %[3]d); limit %d, gap %v)", bad.call, bad.got, n, h.limit, gap),
			Want: bad.want,
			Why:  "out of order, twice, never, or unknown to its caller: this is a history that no other test has told",
			Wire: bad.story,
			Read: read,
		})
	}
}

// makeUp makes up a history of about so many messages.
func makeUp(random *rand.Rand, messages int) history {
	h := history{limit: 1 + random.IntN(5)}
	keys := 1 + random.IntN(3)
	sent := make([]int64, keys)
	type arrival struct {
		move
		place float64 // among the others: how far it was overtaken
	}
	var arrivals []arrival
	for i := range messages {
		k := random.IntN(keys)
		sent[k]++
		if random.IntN(10) == 0 {
			continue // lost
		}
		for range 1 + random.IntN(6)/5 {
			m := move{key: fmt.Sprintf("parcel-%d", 7+k), seq: sent[k]}
			arrivals = append(arrivals, arrival{m, float64(i) + random.Float64()*random.Float64()*8})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return int(1000 * (a.place - b.place)) })
	now := time.Duration(0)
	for _, a := range arrivals {
		now += time.Duration(random.IntN(5)) * time.Minute
		if random.IntN(3) == 0 {
			h.moves = append(h.moves, move{at: now})
		}
		a.at = now
		h.moves = append(h.moves, a.move)
	}
	for range 3 {
		now += gap / 2
		h.moves = append(h.moves, move{at: now})
	}
	return h
}

// A difference is the call of a history that did not do what model says.
type difference struct{ call, got, want, story string }

func (d *difference) told(t *tale) *difference {
	d.story = t.story()
	return d
}

// play plays a history until something differs. The error is one of a call that is not done yet.
func (h history) play() (*difference, error) {
	t, m := newTale(h.limit, nil), newModel(h.limit)
	for _, move := range h.moves {
		t.now = move.at
		d := &difference{call: fmt.Sprintf("at %v Expire", move.at)}
		if move.key == "" {
			d.got, d.want = t.expire(), m.expire(move.at)
		} else {
			var err error
			d.call = fmt.Sprintf("Add %s %d", move.key, move.seq)
			d.got, err = t.add(move.key, move.seq)
			if d.want = m.add(move.key, move.seq, move.at); d.got != d.want && err != nil {
				return d.told(t), err
			}
		}
		if d.got != d.want {
			return d.told(t), nil
		}
		if d := (&difference{call: "Next", got: t.next(), want: m.next()}); d.got != d.want {
			return d.told(t), nil
		}
	}
	return nil, nil
}

// A model is a Resequencer as slow and simple as can be. It counts through all numbers.
type model struct {
	limit int
	last  map[string]int64
	waits map[string]map[int64]time.Duration // since when a number waits
}

func newModel(limit int) *model {
	return &model{limit: limit, last: map[string]int64{}, waits: map[string]map[int64]time.Duration{}}
}

func (m *model) add(key string, seq int64, now time.Duration) string {
	_, waits := m.waits[key][seq]
	waiting := 0
	for _, numbers := range m.waits {
		waiting += len(numbers)
	}
	switch {
	case seq <= m.last[key]:
		return "ErrLate"
	case waits:
		return "ErrDuplicate"
	case seq == m.last[key]+1:
		return key + " " + strings.Join(append([]string{fmt.Sprint(seq)}, m.follow(key, seq)...), ", ")
	case waiting == m.limit:
		return "ErrFull"
	}
	if m.waits[key] == nil {
		m.waits[key] = map[int64]time.Duration{}
	}
	m.waits[key][seq] = now
	return "waits"
}

// follow returns what waits right after a number that is returned.
func (m *model) follow(key string, seq int64) (numbers []string) {
	for m.last[key] = seq; ; m.last[key]++ {
		next := m.last[key] + 1
		if _, waits := m.waits[key][next]; !waits {
			return numbers
		}
		delete(m.waits[key], next)
		numbers = append(numbers, fmt.Sprint(next))
	}
}

func (m *model) expire(now time.Duration) string {
	var ready, missing []string
	for _, key := range []string{"parcel-7", "parcel-8", "parcel-9"} {
		until := int64(0)
		for seq, since := range m.waits[key] {
			if since+gap <= now {
				until = max(until, seq)
			}
		}
		var numbers []string
		from := int64(0) // of the gap that the loop is in
		for seq := m.last[key] + 1; seq <= until; seq++ {
			if _, waits := m.waits[key][seq]; !waits {
				if from == 0 {
					from = seq
				}
				continue
			}
			switch {
			case from == seq-1:
				missing = append(missing, fmt.Sprintf("%s %d", key, from))
			case from > 0:
				missing = append(missing, fmt.Sprintf("%s %d–%d", key, from, seq-1))
			}
			from = 0
			delete(m.waits[key], seq)
			numbers = append(numbers, fmt.Sprint(seq))
		}
		if until > 0 {
			numbers = append(numbers, m.follow(key, until)...)
			ready = append(ready, key+" "+strings.Join(numbers, ", "))
		}
	}
	switch {
	case len(ready) == 0:
		return "nothing"
	case len(missing) == 0: // can't be: somebody waited for something
		return strings.Join(ready, " · ")
	}
	return strings.Join(ready, " · ") + "; missing " + strings.Join(missing, ", ")
}

func (m *model) next() string {
	first := time.Duration(-1)
	for _, numbers := range m.waits {
		for _, since := range numbers {
			if first < 0 || since < first {
				first = since
			}
		}
	}
	if first < 0 {
		return "never"
	}
	return (first + gap).String()
}

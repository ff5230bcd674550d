package resequence_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/4-resequence"
	"warren.example/workshop/lab"
)

const read = "05-ordering/README.md#resequence"

const (
	limit = 3                // how many messages wait at most
	gap   = 10 * time.Minute // how long they wait at most
)

// epoch is when the stories begin: on a clock that no computer shows.
var epoch = time.Date(1999, time.December, 31, 23, 0, 0, 0, time.UTC)

// A tale is calls of one Resequencer, with what they returned, put into words:
//
//	Add    "parcel-7 1, 2" (was returned), "waits", "ErrLate", "ErrDuplicate", "ErrFull", "another error"
//	Expire "parcel-7 3; missing parcel-7 2", "nothing"
//	Next   "10m0s", "never"
type tale struct {
	r     *resequence.Resequencer
	now   time.Duration     // since the beginning of the story
	tag   uint64            // of the last delivery
	taken map[string]uint64 // of each message the tag of the delivery that Add took
	words []string          // the calls so far
}

func newTale(limit int, last map[string]int64) *tale {
	return &tale{r: resequence.New(limit, gap, last), taken: map[string]uint64{}}
}

// add calls Add with a delivery of its own. The error is Add's.
func (t *tale) add(key string, seq int64) (words string, err error) {
	t.tag++
	name := fmt.Sprintf("%s %d", key, seq)
	m := resequence.Message{Key: key, Seq: seq, Delivery: amqp.Delivery{DeliveryTag: t.tag}}

	ready, err := t.r.Add(m, epoch.Add(t.now))
	if _, before := t.taken[name]; err == nil && !before {
		t.taken[name] = t.tag
	}
	words = t.returned(ready)
	for known, text := range map[error]string{
		resequence.ErrLate: "ErrLate", resequence.ErrDuplicate: "ErrDuplicate", resequence.ErrFull: "ErrFull",
	} {
		if errors.Is(err, known) {
			words = strings.TrimPrefix(words+" and "+text, " and ")
		}
	}
	switch {
	case words == "" && err != nil:
		words = "another error"
	case words == "":
		words = "waits"
	case err != nil && !strings.Contains(words, "Err"):
		words += " and an error"
	}
	t.note("Add %s: %s", name, words)
	return words, err
}

func (t *tale) expire() (words string) {
	ready, missing := t.r.Expire(epoch.Add(t.now))
	byKey := slices.Clone(ready) // of several keys the order is open
	slices.SortStableFunc(byKey, func(a, b resequence.Message) int { return cmp.Compare(a.Key, b.Key) })
	words = cmp.Or(t.returned(byKey), "nothing")
	gaps := slices.Clone(missing)
	slices.SortStableFunc(gaps, func(a, b resequence.Gap) int { return cmp.Compare(a.Key, b.Key) })
	for i, g := range gaps {
		words += []string{"; missing", ","}[min(i, 1)] + fmt.Sprintf(" %s %d", g.Key, g.From)
		if g.From != g.To {
			words += fmt.Sprintf("–%d", g.To)
		}
	}
	t.note("Expire: %s", words)
	return words
}

func (t *tale) next() (words string) {
	at, ok := t.r.Next()
	words = "never"
	if ok {
		words = at.Sub(epoch).String()
	}
	t.note("Next: %s", words)
	return words
}

// returned puts messages into words, the numbers of a key together.
func (t *tale) returned(messages []resequence.Message) string {
	var b strings.Builder
	for i, m := range messages {
		switch {
		case i == 0:
			b.WriteString(m.Key + " ")
		case m.Key != messages[i-1].Key:
			b.WriteString(" · " + m.Key + " ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, m.Seq)
		if m.Delivery.DeliveryTag != t.taken[fmt.Sprintf("%s %d", m.Key, m.Seq)] {
			b.WriteString(" (with a delivery that was not taken)")
		}
	}
	return b.String()
}

func (t *tale) note(format string, args ...any) {
	t.words = append(t.words, fmt.Sprintf("%v ", t.now)+fmt.Sprintf(format, args...))
}

// story is the last calls.
func (t *tale) story() string {
	if more := len(t.words) - 12; more > 0 {
		return "… · " + strings.Join(t.words[more:], " · ")
	}
	return strings.Join(t.words, " · ")
}

// A stage is a tale that a test tells step by step, each with a claim.
type stage struct {
	*tale
	lab *lab.Lab
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	return stageWith(t, nil)
}

// stageWith gives a Resequencer that goes on after last.
func stageWith(t *testing.T, last map[string]int64) *stage {
	t.Helper()
	s := &stage{lab: lab.New(t)}
	s.call("New", func() error { s.tale = newTale(limit, last); return nil })
	return s
}

// call calls something of the learner's: a panic or a hang ends the test with a claim, and so does work that is not done.
func (s *stage) call(name string, f func() error) {
	s.lab.Finished(s.lab.Do(name, func(context.Context) error { return f() }))
}

// add adds a message and claims what comes of it.
func (s *stage) add(key string, seq int64, want, why string) {
	var got string
	s.call("Add", func() (err error) { got, err = s.tale.add(key, seq); return err })
	s.claim(fmt.Sprintf("Add %s %d", key, seq), got, want, why)
}

// expire goes on to a time of the story, calls Expire and claims what comes of it.
func (s *stage) expire(at time.Duration, want, why string) {
	var got string
	s.now = at
	s.call("Expire", func() error { got = s.tale.expire(); return nil })
	s.claim(fmt.Sprintf("at %v Expire", at), got, want, why)
}

func (s *stage) next(want, why string) {
	var got string
	s.call("Next", func() error { got = s.tale.next(); return nil })
	s.claim("Next", got, want, why)
}

func (s *stage) claim(what, got, want, why string) {
	s.lab.Check(got == want, lab.Claim{
		Saw: fmt.Sprintf("%s: %s", what, got), Want: want, Why: why, Wire: s.story(), Read: read,
	})
}

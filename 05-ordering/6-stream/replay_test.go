package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"warren.example/05-ordering/6-stream"
	"warren.example/workshop/lab"
)

// replay calls Replay, and waits for its end.
func (s *stage) replay(from, until stream.Offset, fn func(stream.Entry) error) error {
	return s.lab.Do("Replay", func(ctx context.Context) error { return stream.Replay(ctx, s.conn, from, until, fn) })
}

// A reading is one call of Replay.
type reading struct {
	*lab.Call
	mu  sync.Mutex // guards ids
	ids []string   // what fn got
}

// startReplay starts Replay.
func (s *stage) startReplay(from, until stream.Offset) *reading {
	r := &reading{}
	r.Call = s.lab.Go("Replay", func(ctx context.Context) error {
		return stream.Replay(ctx, s.conn, from, until, func(e stream.Entry) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ids = append(r.ids, e.ID)
			return nil
		})
	})
	return r
}

// got returns what fn got until now.
func (r *reading) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// reads claims that Replay ends by itself, and has read these.
func (s *stage) reads(r *reading, from, until stream.Offset, want []string, story string) {
	story = fmt.Sprintf("%s. Replay from %d until %d", story, from, until)
	err := r.WaitOr(lab.Claim{
		Saw:  story + " does not return",
		Want: "it returns when it has read what it was asked for",
		Why:  "the auditor's report is ready when the next order comes: tomorrow, or never",
		Wire: s.story(),
		Read: read,
	})
	s.lab.NoError(err, lab.Claim{
		Saw: fmt.Sprintf("%s returned: %v", story, err), Want: "nil: all of it is there", Wire: s.story(), Read: read,
	})
	got := r.got()
	s.lab.Check(fmt.Sprint(got) == fmt.Sprint(want), lab.Claim{
		Saw:  fmt.Sprintf("%s has read %s", story, list(got)),
		Want: list(want),
		Why:  "the auditor's report has one order too many or too few, and the sum is wrong",
		Wire: s.story(),
		Read: read,
	})
	s.nothingOpen(s.conn, story+" has returned")
}

func TestReplayReadsARange(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 6)...)
	s.caughtUp(auditor, "six orders came", 6)
	at := func(n int) stream.Offset { return s.offset(fmt.Sprintf("order-%d", n)) }
	for _, span := range [][2]int{{1, 6}, {3, 5}, {3, 5}, {6, 6}, {1, 1}} {
		from, until := at(span[0]), at(span[1])
		since := s.lab.Note("Replay begins").Seq
		s.reads(s.startReplay(from, until), from, until, orders(span[0], span[1]), "six orders are in the log")
		s.notBefore(since, from, fmt.Sprintf("Replay from %d until %d", from, until))
	}

	s.put("order-7")
	s.caughtUp(auditor, "the auditor has read six orders, others have replayed some, and a seventh came", 7)
	s.has(auditor, "the auditor had read six orders, others have replayed some, and a seventh came", orders(1, 7), lab.Claim{})

	for _, span := range [][2]stream.Offset{{3, 2}, {-1, 3}, {9, 0}} {
		r := s.startReplay(span[0], span[1])
		story := fmt.Sprintf("Replay from %d until %d", span[0], span[1])
		err := r.WaitOr(lab.Claim{Saw: story + " does not return", Want: "an error at once", Wire: s.story(), Read: read})
		s.lab.Check(err != nil && len(r.got()) == 0, lab.Claim{
			Saw:  fmt.Sprintf("%s has read %s and returned: %v", story, list(r.got()), err),
			Want: "it reads nothing, and returns an error",
			Why:  "somebody has mixed up two numbers, and gets a report about nothing, with a stamp",
			Wire: s.story(),
			Read: read,
		})
	}

	wrong, calls := errors.New("order-3 has no sum"), 0
	err := s.replay(at(2), at(6), func(e stream.Entry) error {
		if calls++; e.ID == "order-3" {
			return wrong
		}
		return nil
	})
	claim := lab.Claim{
		Saw: fmt.Sprintf("fn returned an error for the second of five entries; it was called %d times, and Replay returned: %v",
			calls, err),
		Want: "two calls, and an error that wraps fn's",
		Why:  "the report is wrong, and says that it is right",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.Is(err, wrong) && calls == 2, claim)
	s.nothingOpen(s.conn, "fn returned an error")
}

func TestReplayWaitsForItsEnd(t *testing.T) {
	s := newStage(t)
	s.lab.Publish(stream.Log, "0", "1", "2") // they may be together in one chunk, and it is the last
	s.put("order-1")
	first := s.startReplay(3, 5)
	s.lab.Soon(func() bool { return len(first.got()) > 0 || !first.Running() })
	s.lab.Settle()
	s.lab.Check(first.Running(), lab.Claim{
		Saw:  fmt.Sprintf("the log ends at 3. Replay from 3 until 5 has read %s and returned: %v", list(first.got()), ended(first.Call)),
		Want: "it waits for the rest",
		Why:  "the caller believes that it has all until 5; what came a moment later is in no report",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Check(len(first.got()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("the log ends at 3. Replay from 3 until 5 waits, and has read %s", list(first.got())),
		Want: "[order-1]: fn gets an entry as it comes",
		Why:  "a year of entries is in memory before the first of them is looked at",
		Wire: s.story(),
		Read: read,
	})
	s.put("order-2", "order-3", "order-4")
	s.reads(first, 3, 5, orders(1, 3), "the log ended at 3, and three more came")

	second := s.startReplay(4, 8)
	s.lab.Soon(func() bool { return len(second.got()) >= 3 || !second.Running() })
	second.Stop()
	err := second.WaitOr(lab.Claim{
		Saw:  "the log ends at 6. ctx of a Replay until 8 ended, and it does not return",
		Want: "an error that wraps ctx's",
		Why:  "Ctrl-C does nothing",
		Wire: s.story(),
		Read: read,
	})
	claim := lab.Claim{
		Saw: fmt.Sprintf("the log ends at 6. ctx of a Replay from 4 until 8 ended; it has read %s and returned: %v",
			list(second.got()), err),
		Want: "an error that wraps ctx's",
		Why:  "half a report looks like a whole one",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.nothingOpen(s.conn, "ctx of a Replay ended")
}

// ctx ends while fn runs, and what comes next is there already: twenty times, for who takes either is lucky now and then.
func TestReplayStopsWithItsCtx(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 3)...)
	for n := range 21 {
		until := stream.Offset(2)
		if n == 20 {
			until = 0 // fn has all when ctx ends
		}
		begun, goOn := make(chan string, 10), make(chan struct{})
		call := s.lab.Go("Replay", func(ctx context.Context) error {
			return stream.Replay(ctx, s.conn, 0, until, func(e stream.Entry) error {
				begun <- e.ID
				<-goOn
				return nil
			})
		})
		s.lab.Soon(func() bool { return len(begun) > 0 || !call.Running() })
		call.Stop()
		s.lab.Settle()
		close(goOn)
		err := call.Wait()
		if until == 0 {
			s.lab.NoError(err, lab.Claim{
				Saw:  fmt.Sprintf("ctx ended while fn had the only entry of a range, and Replay returned: %v", err),
				Want: "nil: fn has had the entry at until",
				Why:  "the report is whole, and thrown away",
				Wire: s.story(),
				Read: read,
			})
			return
		}
		claim := lab.Claim{
			Saw:  fmt.Sprintf("ctx ended while fn had the first of three entries; fn got %d, and Replay returned: %v", len(begun), err),
			Want: "fn gets no more, and an error that wraps ctx's",
			Why:  "half a report looks like a whole one",
			Wire: s.story(),
			Read: read,
		}
		s.lab.Error(err, claim)
		s.lab.Check(errors.Is(err, context.Canceled) && len(begun) == 1, claim)
	}
}

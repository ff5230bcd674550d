package resequence_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/4-resequence"
	"warren.example/workshop/lab"
)

func TestSlicesAreTheCallers(t *testing.T) {
	s := newStage(t)
	message := func(seq int64) resequence.Message {
		return resequence.Message{Key: seven, Seq: seq, Delivery: amqp.Delivery{DeliveryTag: uint64(seq)}}
	}
	add := func(seqs ...int64) (returned [][]resequence.Message) {
		s.call("Add", func() error {
			for _, seq := range seqs {
				ready, err := s.r.Add(message(seq), epoch)
				if err != nil {
					return err
				}
				returned = append(returned, ready)
			}
			return nil
		})
		return returned
	}
	var missing [2][]resequence.Gap
	expire := func(i int) (ready []resequence.Message) {
		s.call("Expire", func() error { ready, missing[i] = s.r.Expire(epoch.Add(time.Duration(i+1) * gap)); return nil })
		return ready
	}
	returned := append(add(2, 3, 1, 5, 4, 7), expire(0))
	returned = append(append(returned, add(9)...), expire(1))
	got := numbers(slices.Concat(returned...))
	s.lab.Check(slices.Equal(got, []int64{1, 2, 3, 4, 5, 7, 9}), lab.Claim{
		Saw:  fmt.Sprintf("what was returned for 2, 3, 1, 5, 4, 7 and 9, looked at when all was over: %v", got),
		Want: "1, 2, 3, 4, 5, 7, 9: what was returned stays as it is",
		Why:  "a caller that stores by the hundred stores what came later, twice, and acks it",
		Wire: "Add 2, 3, 1, 5, 4, 7 · Expire · Add 9 · Expire, all slices kept",
		Read: read,
	})
	gaps := slices.Concat(missing[:]...)
	s.lab.Check(slices.Equal(gaps, []resequence.Gap{{Key: seven, From: 6, To: 6}, {Key: seven, From: 8, To: 8}}), lab.Claim{
		Saw:  fmt.Sprintf("the gaps 6 and 8 were given up, one after the other; looked at when all was over: %v", gaps),
		Want: "6 and 8: what was returned stays as it is",
		Why:  "who tells of it later tells of the wrong parcel",
		Wire: "Add 2, 3, 1, 5, 4, 7 · Expire · Add 9 · Expire, all slices kept",
		Read: read,
	})

	got = nil
	for _, seq := range []int64{11, 12, 14, 10, 13} {
		for _, ready := range add(seq) {
			got = append(got, numbers(ready)...)
			clear(ready)
			_ = append(ready, message(99), message(99)) // into what room it has
		}
	}
	s.lab.Check(slices.Equal(got, []int64{10, 11, 12, 13, 14}), lab.Claim{
		Saw:  fmt.Sprintf("11, 12, 14, 10 and 13 were added; the caller cleared what it got and appended. Returned: %v", got),
		Want: "10, 11, 12, 13, 14: what the caller does with its slices changes nothing of what waits",
		Why:  "a caller that sorts, appends or clears loses messages that it doesn't know of: they are never acked",
		Wire: "clear(ready) and append(ready, …) after each call",
		Read: read,
	})
}

func numbers(messages []resequence.Message) (seqs []int64) {
	for _, m := range messages {
		seqs = append(seqs, m.Seq)
	}
	return seqs
}

func TestRestartGoesOn(t *testing.T) {
	t.Parallel()
	stored := map[string]int64{seven: 4}
	s := stageWith(t, stored)
	const again = "after each restart each parcel misses all that it had: everything waits for 10 minutes, and alarms go off"
	s.add(seven, 5, "parcel-7 5", again)
	s.add(seven, 4, "ErrLate", "its ack was lost with the channel. It is on the page: it must be acked, and not shown again")
	s.add(eight, 1, "parcel-8 1", "of parcel-8 nothing is stored")
	s.lab.Check(maps.Equal(stored, map[string]int64{seven: 4}), lab.Claim{
		Saw:  fmt.Sprintf("New was given map[parcel-7:4], which is %v now", stored),
		Want: "it stays as it is: New copies it",
		Why:  "it is the caller's, who writes into it what is stored: what was returned and isn't stored yet seems to be",
		Wire: s.story(),
		Read: read,
	})
	stored[eight], stored["parcel-9"] = 7, 7
	s.add(eight, 2, "parcel-8 2", "the map is the caller's, and New has copied it")
	s.add("parcel-9", 1, "parcel-9 1", "the map is the caller's, and New has copied it")
}

func TestNoKeyIsForgotten(t *testing.T) {
	t.Parallel()
	const years = 100 * 365 * 24 * time.Hour
	const why = "what is sent again after an outage waits for what nobody sends any more, and is shown once more in the end"
	stored := map[string]int64{seven: 1e10}
	for n := range 12_000 {
		stored[fmt.Sprintf("letter-%d", n)] = 2
	}
	s := stageWith(t, stored)
	s.add(seven, 1e10+1, "parcel-7 10000000001", "it is next")
	s.add(seven, 5, "ErrLate", why)
	s.add(eight, 1, "parcel-8 1", "of parcel-8 nothing is stored")
	s.add("parcel-9", 2, "waits", "1 is missing")
	s.expire(gap, "parcel-9 2; missing parcel-9 1", "its time is over")
	s.expire(years, "nothing", "nothing waits")
	stored[seven], stored[eight], stored["parcel-9"] = 5, 1, 2
	var forgotten []string
	s.call("Add", func() error {
		for key, seq := range stored {
			m := resequence.Message{Key: key, Seq: seq}
			if _, err := s.r.Add(m, epoch.Add(years)); !errors.Is(err, resequence.ErrLate) {
				forgotten = append(forgotten, key)
			}
		}
		return nil
	})
	slices.Sort(forgotten)
	s.lab.Check(len(forgotten) == 0, lab.Claim{
		Saw: fmt.Sprintf("%d of 12,003 numbers that were returned before were not late: of %s",
			len(forgotten), strings.Join(forgotten[:min(3, len(forgotten))], ", ")),
		Want: "ErrLate: of each key one number is kept, however high, however old, however many keys there are",
		Why:  why,
		Wire: s.story(),
		Read: read,
	})
}

package resequence_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/4-resequence"
	"warren.example/workshop/lab"
)

// The tests of this file are not parallel: they look at the memory of the process, so nothing else may run.

func TestDoneIsOneNumberPerKey(t *testing.T) {
	const messages, keys = 10_000, 1_000
	s := stageWith(t, nil)
	var r *resequence.Resequencer
	add := func(key string, seq int64) error {
		_, err := r.Add(resequence.Message{Key: key, Seq: seq, Delivery: amqp.Delivery{Body: make([]byte, 1024)}}, epoch)
		return err
	}
	pair := func(key string, seq int64) error { // seq+1 waits for seq
		return errors.Join(add(key, seq+1), add(key, seq))
	}
	grown := func(what string, f func() error) int {
		var before, after runtime.MemStats
		r = resequence.New(100, gap, nil)
		runtime.GC()
		runtime.GC() // what pools hold goes with the second
		runtime.ReadMemStats(&before)
		s.call("Add", func() error { return errors.Join(add(eight, 2), f()) }) // one gap stays open all the time
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(r)
		return int(after.HeapAlloc) - int(before.HeapAlloc)
	}

	bytes := grown("one key", func() error {
		for seq := int64(1); seq < messages; seq += 2 {
			if err := pair(seven, seq); err != nil {
				return err
			}
		}
		return nil
	})
	s.lab.Check(bytes < messages*4, lab.Claim{
		Saw:  fmt.Sprintf("10,000 messages of one key were returned, none waits; it holds %d KB more than before", bytes/1024),
		Want: "one number for the key, however many messages it had: next to nothing",
		Why:  "memory grows with each message for as long as the process lives: some night it is killed",
		Wire: "Add 2 of parcel-8, which waits · Add 2, 1, 4, 3, 6, 5, … of parcel-7, all returned",
		Read: read,
	})

	bytes = grown("many keys", func() error {
		for n := range keys {
			if err := pair(fmt.Sprintf("parcel-%04d", n), 1); err != nil {
				return err
			}
		}
		return nil
	})
	s.lab.Check(bytes < keys*1024, lab.Claim{
		Saw:  fmt.Sprintf("1,000 keys had two messages of 1 KB each, all returned; it holds %d KB more than before", bytes/1024),
		Want: "one number for each key: less than a kilobyte, with all that Go needs for it",
		Why:  "a million parcels are on their way, and most of them wait for nothing",
		Wire: "Add 2 of parcel-8, which waits · Add 2, 1 of parcel-0000, of parcel-0001, …, all returned",
		Read: read,
	})
}

func TestWideGapCostsNoMore(t *testing.T) {
	s := stageWith(t, nil)
	const why = "a number is what somebody wrote: a single wrong one stops the consumer, who counts for years or has no memory left"
	const wide = 200_000
	var before, after runtime.MemStats
	s.add(seven, wide+1, "waits", "1 is missing")
	runtime.ReadMemStats(&before)
	s.expire(gap, "parcel-7 200001; missing parcel-7 1–200000", "its time is over")
	runtime.ReadMemStats(&after)
	kilobytes := int(after.TotalAlloc-before.TotalAlloc) / 1024
	s.lab.Check(kilobytes < 1000, lab.Claim{
		Saw:  fmt.Sprintf("Expire gave up 200,000 numbers of parcel-7, and took %d KB of memory for them", kilobytes),
		Want: "a few: it is one gap, from 1 to 200000",
		Why:  why,
		Wire: s.story(),
		Read: read,
	})
	// As wide as can be: who counts never ends. And both have the same place in a ring of 1000, or of 1024.
	s.add(eight, 4e18, "waits", "1 is missing")
	s.add(eight, 1e12, "waits", "1 is missing, and no other message has this number")
	s.expire(2*gap, "parcel-8 1000000000000, 4000000000000000000; "+
		"missing parcel-8 1–999999999999, parcel-8 1000000000001–3999999999999999999", why)
}

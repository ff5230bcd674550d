package stream_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"warren.example/05-ordering/6-stream"
	"warren.example/workshop/lab"
)

// ctx ends at each step of the database in turn. What apply was called for is there.
func TestStopAtEveryStep(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 3)...)
	for n, over := 1, false; !over; n++ {
		reader, db, applied := fmt.Sprintf("auditor-%d", n), s.tap.Open(), []string{}
		hold := db.HoldAt(n)
		call := s.followWith(s.conn, db, reader, func(tx *sql.Tx, e stream.Entry) error {
			applied = append(applied, e.ID) // read when Follow has ended
			return record(reader)(tx, e)
		})
		s.lab.Soon(func() bool { return hold.Reached() || !call.Running() || len(s.effects(reader)) >= 3 })
		over = !hold.Reached()
		call.Stop()
		s.lab.Settle()
		hold.Release()
		story := fmt.Sprintf("Follow was stopped at step %d of the database", n)
		s.stop(call, story)
		s.has(reader, story, applied, lab.Claim{Wire: steps(db)})
	}
}

func TestFailureWhileItStops(t *testing.T) {
	s := newStage(t)
	s.put("order-1")
	full := errors.New("the disk of the books is full")
	begun, goOn := make(chan string, 10), make(chan struct{})
	call := s.followWith(s.conn, s.db, auditor, func(tx *sql.Tx, e stream.Entry) error {
		begun <- e.ID
		<-goOn
		return errors.Join(record(auditor)(tx, e), full)
	})
	s.lab.Soon(func() bool { return len(begun) > 0 || !call.Running() })
	call.Stop()
	s.lab.Settle()
	close(goOn)
	err := call.Wait()
	story := "ctx ended while apply wrote order-1. Then apply returned an error"
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%s; Follow returned: %v", story, err),
		Want: "an error that wraps apply's",
		Why:  "the disk is full since a deployment, and it looked like a good one",
		Wire: steps(s.db),
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.Is(err, full), claim)
	s.has(auditor, story, []string{}, lab.Claim{Wire: steps(s.db)})
	s.nothingOpen(s.conn, story)
}

package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/2-expiry"
	"warren.example/workshop/lab"
)

// explain calls Explain. A panic in it ends the test with a claim of its own.
func (s *stage) explain(headers amqp.Table) (d expiry.Death, err error) {
	err = s.lab.Do("Explain", func(context.Context) (err error) {
		d, err = expiry.Explain(headers)
		return err
	})
	return d, err
}

// died is a table of x-death as RabbitMQ writes it.
func died(queue, reason string, count any) amqp.Table {
	return amqp.Table{
		"count": count, "exchange": "", "queue": queue, "reason": reason, "routing-keys": []any{queue}, "time": time.Unix(1000, 0),
	}
}

// history returns headers with an x-death and, if it is not empty, what was the first death.
func history(firstQueue, firstReason string, tables ...any) amqp.Table {
	headers := amqp.Table{"x-death": tables, "traceparent": "00-4bf9-00f0-01"}
	if firstQueue != "" {
		headers["x-first-death-exchange"] = ""
		headers["x-first-death-queue"] = firstQueue
		headers["x-first-death-reason"] = firstReason
	}
	return headers
}

// text says what is in headers.
func text(headers amqp.Table) string {
	var says []string
	tables, ok := headers["x-death"].([]any)
	if !ok {
		says = append(says, fmt.Sprintf("%#v", headers["x-death"]))
	}
	for _, t := range tables {
		if t, ok := t.(amqp.Table); ok && t["time"] != nil {
			says = append(says, fmt.Sprintf("%v %v %T(%v)", t["queue"], t["reason"], t["count"], t["count"]))
			continue
		}
		says = append(says, fmt.Sprintf("%#v", t))
	}
	return fmt.Sprintf("x-death: %s; first: %v %v", strings.Join(says, ", "), headers["x-first-death-queue"],
		headers["x-first-death-reason"])
}

type cause = expiry.Cause

func TestFirstDeathIsTheFirst(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		story   string
		headers amqp.Table
		want    expiry.Death
	}{{
		"rejected once",
		history("order.commands", "rejected", died("order.commands", "rejected", int64(1))),
		expiry.Death{First: cause{"order.commands", "rejected", 1}, Last: cause{"order.commands", "rejected", 1}, Total: 1},
	}, {
		"rejected, then late in another queue",
		history("order.commands", "rejected",
			died("order.retry", "expired", int64(1)), died("order.commands", "rejected", int64(1))),
		expiry.Death{First: cause{"order.commands", "rejected", 1}, Last: cause{"order.retry", "expired", 1}, Total: 2},
	}, {
		"rejected three times, each time sent back after a while",
		history("order.commands", "rejected",
			died("order.commands", "rejected", int64(3)), died("order.retry", "expired", int64(2))),
		expiry.Death{First: cause{"order.commands", "rejected", 3}, Last: cause{"order.commands", "rejected", 3}, Total: 5},
	}, {
		"rejected, sent back, late in the same queue",
		history("order.commands", "rejected", died("order.commands", "expired", int64(1)),
			died("order.retry", "expired", int64(1)), died("order.commands", "rejected", int64(1))),
		expiry.Death{First: cause{"order.commands", "rejected", 1}, Last: cause{"order.commands", "expired", 1}, Total: 3},
	}, {
		"late, sent back, rejected in the same queue, sent back, late again",
		history("order.commands", "expired", died("order.commands", "expired", int64(2)),
			died("order.retry", "expired", int64(2)), died("order.commands", "rejected", int64(1))),
		expiry.Death{First: cause{"order.commands", "expired", 2}, Last: cause{"order.commands", "expired", 2}, Total: 5},
	}, {
		"late here, late there, sent back, late here again",
		history("a", "expired", died("a", "expired", int64(2)), died("b", "expired", int64(1))),
		expiry.Death{First: cause{"a", "expired", 2}, Last: cause{"a", "expired", 2}, Total: 3},
	}, {
		"a client sent it on, and left out the x-first-death headers",
		history("", "", died("b", "maxlen", int64(2)), died("a", "rejected", int64(1))),
		expiry.Death{First: cause{"a", "rejected", 1}, Last: cause{"b", "maxlen", 2}, Total: 3},
	}, {
		"its x-first-death headers fit no table both",
		history("b", "rejected", died("b", "maxlen", int64(2)), died("a", "rejected", int64(1))),
		expiry.Death{First: cause{"a", "rejected", 1}, Last: cause{"b", "maxlen", 2}, Total: 3},
	}} {
		d, err := s.explain(c.headers)

		claim := lab.Claim{
			Want: fmt.Sprintf("%+v", c.want),
			Why:  "it is sent back to the wrong queue, or somebody searches for the mistake in the wrong place",
			Read: aboutDeath,
		}
		claim.Saw = fmt.Sprintf("%s (%s); Explain returned: %v", c.story, text(c.headers), err)
		s.lab.NoError(err, claim)
		claim.Saw = fmt.Sprintf("%s (%s); Explain returned %+v", c.story, text(c.headers), d)
		s.lab.Check(d == c.want, claim)
	}
}

func TestNonsenseIsLeftOut(t *testing.T) {
	s := newStage(t)
	s.aliveIsNoDeath()
	s.anyIntegerCounts()
	good := died("q", "rejected", int64(2))
	nonsense := []any{
		nil, "died", 7, []any{}, amqp.Table(nil), amqp.Table{}, []byte("x"),
		died("q", "rejected", nil), died("q", "rejected", "3"), died("q", "rejected", 3.0), died("q", "rejected", int64(0)),
		died("q", "rejected", int64(-3)), died("q", "rejected", []any{int64(3)}),
		amqp.Table{"queue": int64(7), "reason": "rejected", "count": int64(1)},
		amqp.Table{"queue": "q", "reason": []byte("rejected"), "count": int64(1)},
		amqp.Table{"queue": "q", "count": int64(1)}, amqp.Table{"reason": "rejected", "count": int64(1)},
	}
	want := expiry.Death{First: cause{"q", "rejected", 2}, Last: cause{"q", "rejected", 2}, Total: 2}
	claim := lab.Claim{
		Why:  "headers are anybody's: one message with nonsense stops the service, is redelivered, and stops the next one",
		Read: aboutDeath,
	}
	for _, bad := range nonsense {
		headers := history("q", "rejected", bad, good, "more")
		d, err := s.explain(headers)

		claim.Want = fmt.Sprintf("what is nonsense is left out: %+v", want)
		claim.Saw = fmt.Sprintf("%s; Explain returned %+v and: %v", text(headers), d, err)
		s.lab.Finished(err)
		s.lab.Check(err == nil && d == want, claim)
		s.lab.Check(reflect.DeepEqual(headers, history("q", "rejected", bad, good, "more")), lab.Claim{
			Saw: "Explain has changed the headers", Want: "they stay as they are", Read: aboutDeath,
		})

		for _, value := range []any{bad, []any{bad}} {
			headers := amqp.Table{"x-death": value, "x-first-death-queue": bad, "x-first-death-reason": bad}
			d, err = s.explain(headers)

			claim.Want = "an error, and not ErrAlive: there is an x-death"
			claim.Saw = fmt.Sprintf("%s; Explain returned %+v and: %v", text(headers), d, err)
			s.lab.Error(err, claim)
			s.lab.Check(value == nil || !errors.Is(err, expiry.ErrAlive), claim)
		}
	}
}

// anyIntegerCounts claims that counts may be of any integer type that a table can hold.
func (s *stage) anyIntegerCounts() {
	for _, n := range []any{int64(3), int32(3), int16(3), int8(3), uint32(3), uint16(3), uint8(3)} {
		d, err := s.explain(history("q", "rejected", died("q", "rejected", n)))

		s.lab.Finished(err)
		s.lab.Check(err == nil && d.First.Count == 3 && d.Total == 3, lab.Claim{
			Saw:  fmt.Sprintf("it died 3 times, and the 3 is an %T; Explain returned %+v and: %v", n, d, err),
			Want: "3",
			Why:  "RabbitMQ writes int64, and other clients what they like: who reads another type reads 0, and never gives up",
			Read: aboutDeath,
		})
	}
}

// aliveIsNoDeath claims that headers without an x-death are told from others.
func (s *stage) aliveIsNoDeath() {
	for _, headers := range []amqp.Table{nil, {}, {"traceparent": "00-4bf9-00f0-01", "x-delivery-count": int64(2)}} {
		d, err := s.explain(headers)

		claim := lab.Claim{
			Saw:  fmt.Sprintf("the headers are %v; Explain returned %+v and: %v", headers, d, err),
			Want: "an error that wraps ErrAlive",
			Why:  "who asks why a message died is told something about one that lives",
			Read: aboutDeath,
		}
		s.lab.Error(err, claim)
		s.lab.Check(errors.Is(err, expiry.ErrAlive), claim)
	}
}

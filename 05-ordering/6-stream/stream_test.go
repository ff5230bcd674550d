package stream_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/6-stream"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestDeclareKeepsAYear(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	declare := func() error {
		return l.Do("Declare", func(context.Context) error {
			conn, err := amqp.Dial(l.URL)
			if err != nil {
				return err
			}
			defer conn.Close()
			ch, err := conn.Channel()
			if err != nil {
				return err
			}
			return stream.Declare(ch)
		})
	}
	for _, when := range []string{"nil: nothing stands in its way", "nil: it is there already, as it should be"} {
		l.NoError(declare(), lab.Claim{Want: when, Why: "a service can't start twice", Read: read})
	}
	l.Check(l.Exists(stream.Log), lab.Claim{
		Saw: "Declare returned nil, and there is no " + stream.Log, Want: "a stream of that name", Read: read,
	})
	q := l.Queue(stream.Log)
	l.Check(q.Type == "stream" && q.Durable, lab.Claim{
		Saw:  fmt.Sprintf("%s: type %s, durable %v", stream.Log, q.Type, q.Durable),
		Want: "a durable stream",
		Why:  "the first who reads the audit log empties it",
		Read: read,
	})
	_, bytes := q.Arguments["x-max-length-bytes"]
	l.Check(q.Arguments["x-max-age"] == "1Y" && !bytes, lab.Claim{
		Saw:  fmt.Sprintf("%s was declared with %v", stream.Log, q.Arguments),
		Want: `x-max-age "1Y", and no x-max-length-bytes`,
		Why: "the disk fills up, for a stream keeps all; or one busy week before Christmas pushes out what the auditor asks for in " +
			"spring",
		Read: read,
	})

	l.DeleteQueue(stream.Log)
	l.Declare(stream.Log, nil) // a classic one of last year
	err := declare()
	var refused *amqp.Error
	claim := lab.Claim{
		Saw:  fmt.Sprintf("a classic queue of that name is there, and Declare returned: %v", err),
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "the audit log is a queue, and each entry is there for one reader only",
		Read: read,
	}
	l.Error(err, claim)
	l.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
}

func TestNewReaderBeginsWithTheFirst(t *testing.T) {
	s := newStage(t)
	s.put("order-1", "order-2")
	var entries []stream.Entry // read when Follow has ended
	call := s.followWith(s.conn, s.db, auditor, func(tx *sql.Tx, e stream.Entry) error {
		entries = append(entries, e)
		return record(auditor)(tx, e)
	})
	s.until(call, auditor, 2)
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  fmt.Sprintf("two orders are in the log, and Follow has ended: %v", ended(call)),
		Want: "it follows, until its ctx ends",
		Why:  "the auditor sees nothing",
		Wire: s.story(),
		Read: read,
	})
	s.put("order-3")
	s.until(call, auditor, 3)
	story := "two orders were in the log, a third came later"
	s.has(auditor, story, orders(1, 3), lab.Claim{})
	s.stop(call, story)

	for i, e := range entries {
		want := stream.Entry{Offset: s.offset(e.ID), Key: "order.paid", ID: orders(1, 3)[i], Body: []byte(orders(1, 3)[i])}
		s.lab.Check(fmt.Sprintf("%+v", e) == fmt.Sprintf("%+v", want), lab.Claim{
			Saw:  fmt.Sprintf("apply got %+v", e),
			Want: fmt.Sprintf("%+v", want),
			Why:  "the auditor asks what happened to which order, and the log doesn't say",
			Wire: s.story(),
			Read: read,
		})
	}
}

// ended returns what a call returned, if it has.
func ended(call *lab.Call) error {
	if call.Running() {
		return nil
	}
	return call.Wait()
}

// offset returns the offset with which an entry was delivered.
func (s *stage) offset(id string) stream.Offset {
	e, ok := s.lab.Tap.Recording().First(tap.Filter{From: tap.Broker, Method: "basic.deliver", Where: func(e tap.Event) bool {
		return string(e.Body) == id
	}})
	if !ok {
		s.lab.Failf("%s was not delivered", id)
	}
	return offsetOf(e)
}

// offsetOf returns the offset of a delivery; -1 if it has none.
func offsetOf(e tap.Event) stream.Offset {
	for _, f := range e.Header.Properties.Headers {
		if n, ok := f.Value.(wire.Int64); ok && f.Name == "x-stream-offset" {
			return stream.Offset(n)
		}
	}
	return -1
}

// notBefore claims that RabbitMQ has sent nothing that is before an offset, since the event with this number.
func (s *stage) notBefore(since int, place stream.Offset, story string) {
	again := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: "basic.deliver", Where: func(e tap.Event) bool {
		return e.Seq > since && offsetOf(e) < place
	}})
	s.lab.Check(again == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s. RabbitMQ has sent %d entries that are before %d", story, again, place),
		Want: "none",
		Why:  "each restart reads a year of entries once more, for hours, before it comes to what is new",
		Wire: s.story(),
		Read: read,
	})
}

// Follow is stopped while it is at work on an entry, twenty times, and started again each time. The rest is there all the time:
// who asks RabbitMQ and ctx at once, and takes either, is not lucky twenty times.
func TestItGoesOnWhereItStopped(t *testing.T) {
	const rounds = 20
	s := newStage(t)
	s.put(orders(1, rounds+1)...)
	for n := 1; n <= rounds; n++ {
		begun, goOn := make(chan string, rounds+1), make(chan struct{})
		call := s.followWith(s.conn, s.db, auditor, func(tx *sql.Tx, e stream.Entry) error {
			begun <- e.ID
			<-goOn
			return record(auditor)(tx, e)
		})
		s.lab.Soon(func() bool { return len(begun) > 0 || !call.Running() })
		call.Stop()
		s.lab.Settle()
		close(goOn)
		story := fmt.Sprintf("Follow was stopped while it applied order-%d", n)
		s.stop(call, story)
		s.has(auditor, story, orders(1, n), lab.Claim{Wire: steps(s.db)})
	}
	s.put("order-22")
	story := "Follow was stopped when it had applied order-20, and order-22 came meanwhile"
	since := s.lab.Note("it is started again").Seq
	s.caughtUp(auditor, story, rounds+2)
	story += ". It was started again"
	s.has(auditor, story, orders(1, rounds+2), lab.Claim{})
	s.notBefore(since, s.offset("order-20"), story)
}

func TestEachReaderHasItsPlace(t *testing.T) {
	s := newStage(t)
	s.put("order-1", "order-2")
	s.caughtUp(auditor, "two orders came", 2)
	s.put("order-3")
	s.caughtUp("tax", "the auditor has read two of three orders, tax has read none", 3)
	s.has("tax", "the auditor has read two of three orders; tax began then", orders(1, 3), lab.Claim{})
	s.put("order-4")
	s.caughtUp(auditor, "tax has read three orders, the auditor two, and a fourth came", 4)
	s.has(auditor, "tax has read three orders, the auditor had read two, and a fourth came", orders(1, 4), lab.Claim{})

	// Both at once.
	first, second := s.follow(s.conn, s.db, auditor), s.follow(s.lab.Dial(), s.tap.Open(), "tax")
	s.put("order-5")
	s.until(first, auditor, 5)
	s.until(second, "tax", 5)
	s.has(auditor, "both read at the same time, and order-5 came", orders(1, 5), lab.Claim{})
	s.has("tax", "both read at the same time, and order-5 came", orders(1, 5), lab.Claim{})
	s.stop(first, "both have read all")
	s.stop(second, "both have read all")
}

func TestFailedEntryIsTheNext(t *testing.T) {
	s := newStage(t)
	s.put(orders(1, 4)...)
	full, calls := errors.New("the disk of the books is full"), 0
	call := s.followWith(s.conn, s.db, auditor, func(tx *sql.Tx, e stream.Entry) error {
		if err := record(auditor)(tx, e); err != nil {
			return err
		}
		if calls++; calls == 2 {
			return full
		}
		return nil
	})
	s.until(call, auditor, 2)
	story := "apply wrote order-2, and returned an error"
	err := call.WaitOr(lab.Claim{
		Saw:  story + "; Follow does not return",
		Want: "it returns that error",
		Why:  "nobody is told that the books stand still, or have a hole",
		Wire: s.story(),
		Read: read,
	})
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%s; Follow returned: %v", story, err),
		Want: "an error that wraps apply's",
		Why:  "nobody is told that the books stand still, or have a hole",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.Is(err, full), claim)
	s.has(auditor, story, orders(1, 1), lab.Claim{Wire: steps(s.db)})
	s.nothingOpen(s.conn, story)

	s.caughtUp(auditor, story, 4)
	s.has(auditor, story+". It was started again", orders(1, 4), lab.Claim{})
}

// A stream sends so many entries ahead, and then waits for acks.
func TestAllOfALongLogIsRead(t *testing.T) {
	const all, batch = 250, 50
	s := newStage(t)
	for n := 0; n < all; n += batch {
		s.lab.Publish(stream.Log, orders(n+1, n+batch)...) // RabbitMQ has a batch before the next: it may send more ahead, but not all
	}
	call := s.followWith(s.conn, s.db, auditor, func(tx *sql.Tx, e stream.Entry) error {
		return record(auditor)(tx, stream.Entry{ID: string(e.Body)})
	})
	s.until(call, auditor, all)
	story := fmt.Sprintf("%d orders are in the log, and Follow reads", all)
	s.has(auditor, story, orders(1, all), lab.Claim{})
	s.stop(call, story)

	var bodies []string
	err := s.replay(0, s.offset(fmt.Sprintf("order-%d", all)), func(e stream.Entry) error {
		bodies = append(bodies, string(e.Body))
		return nil
	})
	s.lab.NoError(err, lab.Claim{Want: "Replay returns nil: all entries are there", Wire: s.story(), Read: read})
	s.lab.Check(fmt.Sprint(bodies) == fmt.Sprint(orders(1, all)), lab.Claim{
		Saw: "Replay has read " + list(bodies), Want: list(orders(1, all)), Wire: s.story(), Read: read,
	})
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.qos"}) {
		ahead := e.Method.(*wire.BasicQos).PrefetchCount
		s.lab.Check(10 <= ahead && ahead <= 100, lab.Claim{
			Saw:  fmt.Sprintf("RabbitMQ may send %d entries ahead", ahead),
			Want: "10 to 100",
			Why:  "with more, a year of entries comes into memory at the first start; with fewer, each entry waits for the ack of another",
			Read: read,
		})
	}
}

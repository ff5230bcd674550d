package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/6-stream"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// withhold has the tap keep these back whenever RabbitMQ delivers them. On the wire it looks as if they weren't in the stream.
func (s *stage) withhold(bodies ...string) {
	s.lab.Tap.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{
		From: tap.Broker, Method: "basic.deliver", Where: func(e tap.Event) bool { return slices.Contains(bodies, string(e.Body)) },
	}}})
}

// RabbitMQ writes notes of its own into a stream, one at the beginning of each segment: it delivers none, but their numbers are
// used up. Here the tap makes them, without 500 MB.
func TestNumbersAreLeftOut(t *testing.T) {
	s := newStage(t)
	const note = "a note of RabbitMQ's own"
	s.withhold(note)
	s.put("order-1", note, "order-2", note, note) // 0 to 4
	s.caughtUp(auditor, "0 and 2 are entries, 1, 3 and 4 are RabbitMQ's own", 2)
	s.put("order-3") // 5
	call := s.follow(s.conn, s.db, auditor)
	s.until(call, auditor, 3)
	story := "the auditor stopped at 2; 3 and 4 are RabbitMQ's own, and 5 is an entry"
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  fmt.Sprintf("%s. Follow returned: %v", story, ended(call)),
		Want: "it goes on: nothing is missing",
		Why:  "once every 500 MB somebody is called at night, and finds nothing",
		Wire: s.story(),
		Read: read,
	})
	s.has(auditor, story, orders(1, 3), lab.Claim{})
	s.stop(call, story)

	s.reads(s.startReplay(0, 5), 0, 5, orders(1, 3), story)
	s.reads(s.startReplay(2, 5), 2, 5, orders(2, 3), story)
	s.reads(s.startReplay(0, 4), 0, 4, orders(1, 2), story)
}

// Retention takes whole segments away. Here they are small.
func TestGoneIsAnError(t *testing.T) {
	s := newStageWith(t, amqp.Table{"x-max-length-bytes": int64(50_000), "x-stream-max-segment-size-bytes": int64(10_000)})
	s.put(orders(1, 2)...)
	s.caughtUp(auditor, "two orders came", 2)
	place, first := s.offset("order-2"), stream.Offset(0)
	ballast := amqp.Publishing{MessageId: "later", DeliveryMode: amqp.Persistent, Body: []byte(strings.Repeat(".", 1000))}
	s.lab.Await("retention to take entries away", func() bool {
		for range 20 {
			s.lab.Put(events, "order.paid", ballast)
		}
		first = s.first()
		return first > place
	})

	s.followGone(auditor, place, first, "the auditor was away for so long that RabbitMQ has deleted what it read last")
	s.replayGone(0, first, first, "RabbitMQ has deleted the first entries")
	s.caughtUp("tax", "the first entries are gone, and a new reader begins", 1)
	s.lab.Check(len(s.effects("tax")) > 0, lab.Claim{
		Saw:  "the first entries are gone, and a new reader has applied nothing",
		Want: "it begins with the first that is there",
		Wire: s.story(),
		Read: read,
	})
}

// A segment may have a single entry, if that is a large one. And 0 is a place like others: tax has read one entry.
func TestGapOfOneIsAnError(t *testing.T) {
	s := newStage(t)
	s.put("order-1")
	s.caughtUp("tax", "an order came", 1)
	s.put("order-2")
	s.caughtUp(auditor, "two orders came", 2)
	s.put(orders(3, 4)...)
	s.withhold(orders(1, 3)...)
	s.followGone(auditor, 1, 3, "the auditor has read order-2, at 1. It is gone, and order-3 with it")
	s.followGone("tax", 0, 3, "tax has read order-1, at 0. It is gone, and order-2 and order-3 with it")
	s.replayGone(1, 3, 3, "0 to 2 are gone")
	s.replayGone(1, 2, 3, "0 to 2 are gone")
}

// followGone claims that Follow notices that the entry at a reader's place is gone.
func (s *stage) followGone(reader string, place, first stream.Offset, story string) {
	before := s.effects(reader)
	call := s.follow(s.conn, s.db, reader)
	s.until(call, reader, len(before)+1)
	got := s.effects(reader)
	s.lab.Check(!call.Running() && slices.Equal(got, before), lab.Claim{
		Saw:  fmt.Sprintf("%s. Follow has ended: %v; %s has applied %s", story, !call.Running(), reader, list(got)),
		Want: "Follow has ended, and has applied nothing more",
		Why:  "a month of orders is missing in the books, and nobody is told",
		Wire: s.story(),
		Read: read,
	})
	s.isGone(call.Wait(), place, first, story+". Follow")
	s.nothingOpen(s.conn, story+". Follow has returned")
}

// replayGone claims that Replay notices that its first entry is gone.
func (s *stage) replayGone(from, until, first stream.Offset, story string) {
	r := s.startReplay(from, until)
	err := r.Wait()
	story = fmt.Sprintf("%s. Replay from %d until %d", story, from, until)
	s.isGone(err, from, first, story)
	s.lab.Check(len(r.got()) == 0, lab.Claim{
		Saw: fmt.Sprintf("%s has read %s", story, list(r.got())), Want: "nothing", Wire: s.story(), Read: read,
	})
}

// isGone claims that an error says what is gone.
func (s *stage) isGone(err error, at, first stream.Offset, story string) {
	var e *stream.GoneError
	claim := lab.Claim{
		Saw:  fmt.Sprintf("%s returned: %v", story, err),
		Want: fmt.Sprintf("a *GoneError: %d is gone, the first is %d", at, first),
		Why:  "a month of orders is missing in the books, and nobody is told",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Error(err, claim)
	s.lab.Check(errors.As(err, &e) && e != nil, claim)
	claim.Saw = fmt.Sprintf("%s returned a *GoneError with Offset %d, First %d", story, e.Offset, e.First)
	latest := max(first, s.first()) // retention may still be at work
	s.lab.Check(e.Offset == at && first <= e.First && e.First <= latest, claim)
}

// first returns the offset of the first entry that is there. It asks around the tap.
func (s *stage) first() stream.Offset {
	conn, err := amqp.Dial(s.lab.DirectURL)
	s.must(err)
	defer conn.Close()
	ch, err := conn.Channel()
	s.must(err)
	s.must(ch.Qos(1, 0, false))
	deliveries, err := ch.Consume(stream.Log, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	s.must(err)
	n, _ := (<-deliveries).Headers["x-stream-offset"].(int64)
	return stream.Offset(n)
}

func TestLossIsAnError(t *testing.T) {
	for name, lose := range map[string]func(*stage){
		"the connection broke":   func(s *stage) { s.lab.Tap.CutAll() },
		"the channel was closed": closeChannel,
		"the stream was deleted": func(s *stage) { s.lab.DeleteQueue(stream.Log) },
		"there was no stream":    nil,
	} {
		for function, start := range map[string]func(*stage) *lab.Call{
			"Follow": func(s *stage) *lab.Call { return s.follow(s.conn, s.db, auditor) },
			"Replay": func(s *stage) *lab.Call { return s.startReplay(0, 9).Call },
		} {
			t.Run(function+", "+name, func(t *testing.T) {
				s := newStage(t)
				if lose == nil {
					s.lab.DeleteQueue(stream.Log)
				}
				s.lossOf(start(s), lose, function+" had read all there was, and waited; then "+name)
			})
		}
	}
}

// lossOf lets something be lost when a call waits for entries, and claims that it notices. A nil loss has happened before.
func (s *stage) lossOf(call *lab.Call, lose func(*stage), story string) {
	if lose != nil {
		s.put("order-1")
		delivered := tap.Filter{From: tap.Broker, Method: "basic.deliver"}
		s.lab.Soon(func() bool { return s.lab.Tap.Recording().Count(delivered) > 0 || !call.Running() })
		s.lab.Settle()
		s.lab.Check(call.Running(), lab.Claim{
			Saw: fmt.Sprintf("%s … it has ended before: %v", story, ended(call)), Want: "it waits", Wire: s.story(), Read: read,
		})
		lose(s)
	}
	claim := lab.Claim{
		Saw:  story + ". It does not return",
		Want: "an error",
		Why:  "the auditor looks at books in which nothing happens any more, and believes that nothing happens",
		Wire: s.story(),
		Read: read,
	}
	err := call.WaitOr(claim)
	claim.Saw = story + ". It returned nil"
	s.lab.Error(err, claim)
}

// closeChannel closes the channel of a consumer, as RabbitMQ does after an error.
func closeChannel(s *stage) {
	e, ok := s.lab.Tap.Recording().First(tap.Filter{From: tap.Client, Method: "basic.consume"})
	if !ok {
		s.lab.Failf("nobody consumes")
	}
	s.must(s.lab.Tap.CloseChannel(e.Conn, e.Channel, amqp.InternalError, "INTERNAL_ERROR - by the test"))
}

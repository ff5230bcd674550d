package news_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/6-news"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

const (
	newsExchange    = "shop.news"
	recallsExchange = "shop.recalls"
	offersExchange  = "shop.offers"
)

const (
	read         = "02-exchanges/README.md#news"
	readConflict = "02-exchanges/README.md#conflict"
)

// The desks of most tests. Press has no category; toys and garden are bound for a category that the other has too.
var (
	press  = news.Desk{Name: "press"}
	toys   = news.Desk{Name: "toys", Categories: []string{"toys", "outdoor"}}
	garden = news.Desk{Name: "garden", Categories: []string{"garden.tools", "outdoor"}}
	desks  = []news.Desk{press, toys, garden}
)

var recall = news.Article{ID: "article-1", Text: "The teapot gets too hot.", Recall: true, Categories: []string{"toys", "outdoor"}}

// A stage is a broker with nothing in it, and a connection for the learner's code.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	return stageAlone(t)
}

// stageAlone is newStage for a test that doesn't run beside others.
func stageAlone(t *testing.T) *stage {
	t.Helper()
	s := &stage{lab: lab.New(t)}
	s.conn = s.lab.Dial()
	conn := s.conn
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) })
	return s
}

// newNewsroom gives a stage on which the desks are declared.
func newNewsroom(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.mustDeclare("the broker was empty", desks...)
	return s
}

// declare starts Declare.
func (s *stage) declare(desks ...news.Desk) *lab.Call {
	conn := s.conn
	return s.lab.Go("Declare", func(ctx context.Context) error { return news.Declare(ctx, conn, desks) })
}

// mustDeclare calls Declare where nothing stands in its way. before says what went before.
func (s *stage) mustDeclare(before string, desks ...news.Desk) {
	err := s.declare(desks...).Wait()
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Declare returned: %v", before, err),
		Want: "nil: nothing that is there differs",
		Why:  "every service declares what it needs when it starts: this one can't",
		Wire: s.declarations(),
		Read: read,
	})
}

// publish starts Publish.
func (s *stage) publish(a news.Article) *lab.Call {
	return s.lab.Go("Publish", func(ctx context.Context) error { return news.Publish(ctx, s.conn, a) })
}

// mustPublish calls Publish where nothing stands in its way.
func (s *stage) mustPublish(a news.Article) {
	s.lab.NoError(s.publish(a).Wait(), lab.Claim{
		Want: fmt.Sprintf("nil: there is a desk for %s, and RabbitMQ is well", a.ID),
		Why:  "a human believes that nobody was warned, and publishes again",
		Wire: s.answers(),
		Read: read,
	})
}

// heard takes out of a desk's queue what it got up to now. A message of the test's own comes behind it: so nothing is missed.
func (s *stage) heard(d news.Desk) []string {
	queue := "news." + d.Name
	s.lab.Check(s.lab.Exists(queue), lab.Claim{
		Saw:  fmt.Sprintf("Declare was called with the desk %q, and there is no queue %s", d.Name, queue),
		Want: "a queue for each desk",
		Wire: s.declarations(),
		Read: read,
	})
	const end = "the last of it"
	s.lab.Put("", queue, amqp.Publishing{MessageId: end})
	var ids []string
	for {
		m := s.lab.Get(queue)
		if m.MessageId == end {
			return ids
		}
		ids = append(ids, m.MessageId)
	}
}

// mustHear claims that these desks got one copy of an article, and the others none.
func (s *stage) mustHear(a news.Article, who ...news.Desk) {
	for _, d := range desks {
		s.heardIt(d, a.ID, slices.ContainsFunc(who, func(o news.Desk) bool { return o.Name == d.Name }))
	}
}

// heardIt claims that a desk got one copy of an article, or none.
func (s *stage) heardIt(d news.Desk, id string, wanted bool) {
	got := s.heard(d)
	claim := lab.Claim{
		Saw:  fmt.Sprintf("desk %s (categories: %s) got %s %d times", d.Name, strings.Join(d.Categories, ", "), id, len(got)),
		Want: "one copy",
		Why:  "nobody at this desk learns that the teapot gets too hot; with two copies, each customer is called twice",
		Wire: s.answers(),
		Read: read,
	}
	if !wanted {
		claim.Want = "none: it is no recall, and the desk has none of its categories"
		claim.Why = "a desk that gets everything reads nothing, recalls neither"
		s.lab.Check(len(got) == 0, claim)
		return
	}
	s.lab.Check(len(got) == 1 && got[0] == id, claim)
}

// nothingStaysOpen claims that what was called left no channel open, and conn alone.
func (s *stage) nothingStaysOpen(what string) {
	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  what + ", and its caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Read: read,
	})
	s.lab.Fence(s.conn) // RabbitMQ may have closed a channel, and the answer to that is still under way
	n := s.lab.OpenChannels(s.conn)
	s.lab.Check(n == 0, lab.Claim{
		Saw:  fmt.Sprintf("%s, and channels are left open: %d", what, n),
		Want: "none: whoever opens a channel closes it",
		Why:  "RabbitMQ allows 2,047 channels on a connection: after so many articles nothing works any more",
		Wire: s.wire("channel.open", "channel.close", "basic.publish", "basic.return"),
		Read: read,
	})
}

// wire is what the recording has of some methods, for the label wire.
func (s *stage) wire(methods ...string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		return slices.Contains(methods, e.Name())
	}})...)
}

// answers is the part of the recording that tells of articles and of what RabbitMQ says about them.
func (s *stage) answers() string {
	return s.wire("basic.publish", "basic.return", "basic.ack", "basic.nack", "note", "disconnect")
}

// declarations is the end of what was declared and refused.
func (s *stage) declarations() string {
	events := s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		return isDeclaration(e) || e.Name() == "channel.close" && e.From == tap.Broker || e.Name() == "disconnect"
	}})
	return s.lab.Wire(events[max(0, len(events)-6):]...)
}

// isDeclaration tells whether a client declares, binds, or takes something away.
func isDeclaration(e tap.Event) bool {
	if e.From != tap.Client {
		return false
	}
	switch e.Method.(type) {
	case *wire.ExchangeDeclare, *wire.ExchangeBind, *wire.ExchangeDelete, *wire.ExchangeUnbind,
		*wire.QueueDeclare, *wire.QueueBind, *wire.QueueUnbind, *wire.QueueDelete, *wire.QueuePurge:
		return true
	}
	return false
}

// publishing is the nth article from now on; 0: each.
func publishing(nth int) tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: nth}
}

// awhile lets several round trips to the broker go by, and then all functions come to rest: whoever was going to act at once
// has done it.
func (s *stage) awhile() {
	for range 2 {
		s.lab.Fence(s.conn)
	}
	s.lab.Settle()
}

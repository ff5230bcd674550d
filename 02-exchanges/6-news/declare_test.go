package news_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/6-news"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestDeclaringAgainChangesNothing(t *testing.T) {
	s := newNewsroom(t)
	s.mustPublish(recall)

	s.mustDeclare("all of it was there", desks...)

	s.mustHear(recall, press, toys, garden) // it waited in the queues
	again := news.Article{ID: "article-2", Recall: true}
	s.mustPublish(again)
	s.mustHear(again, press, toys, garden)
}

func TestNewDesksAndCategoriesAreAdded(t *testing.T) {
	s := newNewsroom(t)
	kitchen := news.Desk{Name: "kitchen", Categories: []string{"teapots"}}
	more := news.Desk{Name: "press", Categories: []string{"teapots"}}

	s.mustDeclare("some of it was there", more, kitchen)

	a := news.Article{ID: "offer of teapots", Categories: []string{"teapots"}}
	s.mustPublish(a)
	s.heardIt(more, a.ID, true)
	s.heardIt(kitchen, a.ID, true)
	s.mustPublish(recall)
	for _, d := range []news.Desk{more, kitchen, toys, garden} {
		s.heardIt(d, recall.ID, true)
	}
}

// The connection breaks in the middle, and Declare is called again on a new one.
func TestCutThenDeclaredAgainHeals(t *testing.T) {
	for _, v := range []struct {
		method string
		nth    int
	}{
		{"exchange.declare", 2}, {"exchange.bind", 1}, {"exchange.bind", 2}, {"queue.bind", 1}, {"queue.bind", 2},
	} {
		t.Run(fmt.Sprintf("%s %d", v.method, v.nth), func(t *testing.T) {
			s := newStage(t)
			cut := s.lab.Tap.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: v.method}, Nth: v.nth}})
			err := s.declare(desks...).Wait()
			s.lab.Finished(err)
			s.lab.Check(cut.Struck() == 1, lab.Claim{
				Saw:  fmt.Sprintf("Declare has ended without its %s number %d", v.method, v.nth),
				Want: "shop.news leads to two exchanges, and these lead to the queues of three desks",
				Wire: s.declarations(),
				Read: read,
			})
			s.lab.Error(err, lab.Claim{
				Saw:  "the connection broke in the middle, and Declare returned nil",
				Want: "an error: desks were not declared",
				Why:  "the service starts, and some desks never hear of anything",
				Wire: s.declarations(),
				Read: read,
			})

			s.conn = s.lab.Dial()
			s.mustDeclare("the connection had broken in the middle", desks...)

			s.mustPublish(recall)
			s.mustHear(recall, press, toys, garden)
			a := news.Article{ID: "offer of outdoor", Categories: []string{"outdoor"}}
			s.mustPublish(a)
			s.mustHear(a, toys, garden)
		})
	}
}

func TestEndOfCtxEndsTheDeclarations(t *testing.T) {
	s := newStage(t)
	held := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Nth: 1, Filter: tap.Filter{From: tap.Broker, Method: "queue.declare-ok"}}})
	call := s.declare(desks...)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !call.Running() })
	s.awhile() // desks may be declared side by side
	before := s.lab.Tap.Recording().Count(tap.Filter{Where: isDeclaration})

	call.Stop()
	s.awhile()
	held.Remove()

	err := call.Wait()
	claim := lab.Claim{
		Want: "an error that wraps ctx's, and nothing more is declared",
		Why:  "the service was told to stop, and goes on for as long as there are desks",
		Read: read,
	}
	claim.Saw = fmt.Sprintf("ctx ended between two declarations, and Declare returned: %v", err)
	claim.Wire = s.declarations()
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.lab.Fence(s.conn)
	after := s.lab.Tap.Recording().Count(tap.Filter{Where: isDeclaration})
	claim.Saw = fmt.Sprintf("ctx ended between two declarations, and %d more were made", after-before)
	s.lab.Check(after == before, claim)
	s.nothingStaysOpen("ctx ended")
}

// conflict declares a desk's queue as somebody else would, with a message in it.
func (s *stage) conflict(d news.Desk) {
	s.lab.Declare("news."+d.Name, amqp.Table{"x-max-length": int32(10)})
	s.lab.Publish("news."+d.Name, "old news")
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	s.conflict(toys)

	err := s.declare(desks...).Wait()

	s.mustName(err, "toys")
	s.nothingStaysOpen("Declare met a conflict")
}

func TestAllConflictsAreNamed(t *testing.T) {
	s := newStage(t)
	s.conflict(press)
	s.conflict(garden)

	err := s.declare(desks...).Wait()

	s.mustName(err, "press", "garden")
	s.nothingStaysOpen("Declare met two conflicts")
}

// mustName claims that err names desks, whose queues differ, and what RabbitMQ says about it.
func (s *stage) mustName(err error, names ...string) {
	claim := lab.Claim{
		Want: "each desk that was left alone, no other, and RabbitMQ's error (406, PRECONDITION_FAILED): it says what differs",
		Why:  "a human searches for hours why one desk hears nothing",
		Wire: s.declarations(),
		Read: readConflict,
	}
	claim.Saw = fmt.Sprintf("queues are there and differ (desks %s), and Declare returned nil", strings.Join(names, ", "))
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("queues are there and differ, and Declare returned: %v", err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	for _, d := range desks {
		named := regexp.MustCompile(`\b` + d.Name + `\b`).MatchString(err.Error())
		if slices.Contains(names, d.Name) {
			claim.Saw = fmt.Sprintf("the queue of desk %s differs; Declare doesn't name it: %v", d.Name, err)
			s.lab.Check(named, claim)
			continue
		}
		claim.Saw = fmt.Sprintf("desk %s was declared; Declare names it all the same: %v", d.Name, err)
		s.lab.Check(!named, claim)
	}
}

func TestConflictHurtsNoOtherDesk(t *testing.T) {
	s := newStage(t)
	s.conflict(press)
	s.conflict(toys)

	err := s.declare(desks...).Wait()

	s.lab.Error(err, lab.Claim{
		Saw: "two queues are there and differ, and Declare returned nil", Want: "an error", Read: readConflict,
	})
	s.lab.Check(s.lab.Exists("news.garden"), lab.Claim{
		Saw:  "the queues of two desks are there and differ; the desk after them was not declared",
		Want: "all other desks are declared",
		Why:  "RabbitMQ closes the channel on which it meets a conflict, and whatever is asked on it next fails: one old queue, and half of the newsroom hears nothing",
		Wire: s.declarations(),
		Read: readConflict,
	})
	s.mustPublish(recall)
	s.heardIt(garden, recall.ID, true)
}

func TestDeskWithAConflictIsLeftAlone(t *testing.T) {
	s := newStage(t)
	s.conflict(toys)

	err := s.declare(desks...).Wait()

	s.lab.Error(err, lab.Claim{
		Saw: "a queue is there and differs, and Declare returned nil", Want: "an error", Read: readConflict,
	})
	claim := lab.Claim{
		Want: "a queue that differs stays as it is, with what is in it; nothing new leads there",
		Why:  "somebody has made it like that for a reason; who deletes it throws away what nobody has read yet",
		Wire: s.declarations(),
		Read: readConflict,
	}
	claim.Saw = "the queue of a desk differed, with a message in it; now there is no queue"
	s.lab.Check(s.lab.Exists("news.toys"), claim)
	s.mustPublish(recall)
	depth := s.lab.Depth("news.toys")
	claim.Saw = fmt.Sprintf("the queue of a desk differed, with a message in it; after Declare and a recall it has %d", depth)
	s.lab.Check(depth == 1, claim)
	body := string(s.lab.Get("news.toys").Body)
	claim.Saw = fmt.Sprintf("the queue of a desk differed, with \"old news\" in it; now there is %q", body)
	s.lab.Check(body == "old news", claim)
	limit := s.lab.Queue("news.toys").Arguments["x-max-length"]
	claim.Saw = fmt.Sprintf("the queue had x-max-length 10, and has %v", limit)
	s.lab.Check(fmt.Sprint(limit) == "10", claim)
}

func TestConflictOfAnExchangeIsNamed(t *testing.T) {
	s := newStage(t)
	if err := s.lab.Channel().ExchangeDeclare(offersExchange, "fanout", true, false, false, false, nil); err != nil {
		s.lab.Failf("declare %s: %v", offersExchange, err)
	}

	err := s.declare(desks...).Wait()

	claim := lab.Claim{
		Want: "RabbitMQ's error (406, PRECONDITION_FAILED), and no desk is declared",
		Why:  "shop.offers is a fanout here: all desks would get all offers",
		Wire: s.declarations(),
		Read: readConflict,
	}
	claim.Saw = "shop.offers is there with another type, and Declare returned nil"
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("shop.offers is there with another type, and Declare returned: %v", err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	for _, d := range desks {
		claim.Saw = fmt.Sprintf("shop.offers is there with another type, and desk %s was declared", d.Name)
		s.lab.Check(!s.lab.Exists("news."+d.Name), claim)
	}
	s.nothingStaysOpen("Declare met a conflict")
}

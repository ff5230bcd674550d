package topic_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/3-topic"
	"warren.example/workshop/lab"
)

// ear makes a queue of the test's own, bound to the exchange: what Publish does is judged without Declare.
func (s *stage) ear(queue, pattern string) string {
	s.exchange(amqp.ExchangeTopic)
	s.lab.Declare(queue, nil)
	if err := s.own.QueueBind(queue, pattern, topic.Exchange, false, nil); err != nil {
		s.lab.Failf("bind queue %q: %v", queue, err)
	}
	return queue
}

func TestKeyIsTheNameOfTheEvent(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", "#")
	const body = "{\"user\":\"u-7\"}\n\x00\xff"
	e := topic.Event{Parts: []string{"user", "purchase", "refunded"}, Body: []byte(body)}

	s.mustPublish("user")
	err := s.lab.Do("Publish", func(ctx context.Context) error { return topic.Publish(ctx, s.ch, e) })
	s.lab.NoError(err, lab.Claim{Want: "nil: nothing speaks against the event", Read: read})

	wire := s.lab.Wire(s.said()...)
	var keys []string
	came := s.came(all)
	for _, m := range came {
		keys = append(keys, m.RoutingKey)
	}
	s.lab.Check(slices.Equal(keys, []string{"user", "user.purchase.refunded"}), lab.Claim{
		Saw:  fmt.Sprintf("user and user.purchase.refunded were published; they came with the routing keys %q", keys),
		Want: "the routing key is the event's parts, with dots between them",
		Why:  "a topic exchange looks at the routing key alone: with another one, the event passes by all who wait for it",
		Wire: wire,
		Read: read,
	})
	s.lab.Check(string(came[1].Body) == body, lab.Claim{
		Saw: fmt.Sprintf("%q went in, %q came out", body, came[1].Body), Want: "the body, byte for byte", Wire: wire, Read: read,
		Why: "the listener does not understand what it was sent",
	})
	s.lab.Check(slices.Equal(e.Parts, []string{"user", "purchase", "refunded"}) && string(e.Body) == body, lab.Claim{
		Saw: fmt.Sprintf("after Publish, the caller's event is %q", e), Want: "e is the caller's: nothing in it is changed", Read: read,
	})
}

func TestPublishNeedsNoListener(t *testing.T) {
	s := newStage(t)
	s.lab.Declare("ear", nil)

	s.mustPublish("user", "signup") // to a broker with nothing in it

	got := bodies(s.came("ear"))
	s.lab.Check(len(got) == 0, lab.Claim{
		Saw: fmt.Sprintf("a queue that nobody has bound got %q", got), Want: "events go where they were asked for", Read: read,
	})

	if err := s.own.ExchangeDelete(topic.Exchange, false, false); err != nil { // a new broker, moved to by night
		s.lab.Failf("delete exchange %q: %v", topic.Exchange, err)
	}
	s.mustPublish("user", "login")
	s.came("ear")
	s.mustPublish("user", "purchase")
}

func TestEndedCtxSendsNothing(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", "#")

	err := s.lab.Do("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return topic.Publish(ctx, s.ch, topic.Event{Parts: []string{"user", "signup"}})
	})

	claim := lab.Claim{Want: "ctx's error, and nothing is sent", Read: read}
	claim.Saw = fmt.Sprintf("ctx had ended, and Publish returned: %v", err)
	claim.Why = "nothing was sent, and the caller believes that all have heard of it"
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	claim.Saw = "ctx had ended, and the event was sent"
	claim.Why = "the signup was withdrawn, and the mail is written all the same"
	s.lab.Check(len(s.came(all)) == 0, claim)
}

func TestAnyOtherTextIsAPart(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", "#")
	names := [][]string{
		{"größe", "geändert"}, {"价格", " 5 % "}, {"user-7", "sign_up", "A/B"}, {strings.Repeat("k", 255)},
		{strings.Repeat("u", 127), strings.Repeat("u", 127)}, // 255 bytes with the dot
	}

	var hears []topic.Interest
	var want, keys []string
	for _, parts := range names {
		key := strings.Join(parts, ".")
		hears, want = append(hears, topic.Interest{Parts: parts}), append(want, key)
		err := s.publish(parts...)
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("Publish refused the event %q, a key of %d bytes: %v", parts, len(key), err),
			Want: "nil: a key is any text up to 255 bytes; only dots and the two wildcards mean something in it",
			Why:  "what happened in one customer's words is never told",
			Read: read,
		})
	}
	for _, m := range s.came(all) {
		keys = append(keys, m.RoutingKey)
	}
	s.lab.Check(slices.Equal(keys, want), lab.Claim{
		Saw: fmt.Sprintf("the events came with the keys %q", keys), Want: fmt.Sprintf("%q", want), Read: read,
		Why: "a name that was changed on the way fits no binding that was made for it",
	})

	queue, err := s.declare("mailer", hears...)
	s.lab.NoError(err, lab.Claim{
		Saw:  fmt.Sprintf("Declare refused interests in such names, keys of up to 255 bytes: %v", err),
		Want: "nil: a key is any text up to 255 bytes; only dots and the two wildcards mean something in it",
		Why:  "what happened in one customer's words is never heard of",
		Read: read,
	})
	s.happen(want...)
	got := bodies(s.take(queue))
	s.lab.Check(slices.Equal(got, want), lab.Claim{
		Saw: fmt.Sprintf("the mailer wants to hear of %q, and heard of %q", want, got), Want: "the events as they are", Read: read,
	})
}

package expiry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/2-expiry"
	"warren.example/workshop/lab"
	"warren.example/workshop/wire"
)

func TestLateBasketsAreReminded(t *testing.T) {
	s := newShop(t)
	s.mustPublish(basket(7), s.short)
	if err := s.conn.Close(); err != nil { // the service stops
		s.lab.Failf("close the connection: %v", err)
	}

	s.wait(s.short)

	m := s.moved(basket(7), expiry.Reminded, lab.Claim{
		Saw:  fmt.Sprintf("basket-7 waited for its limit, %v, and is not in %s", s.short, expiry.Reminded),
		Want: "RabbitMQ takes it there, whether the service that published it is still there or not",
		Why:  "nobody pays, nobody is reminded, and the last teapot is kept for this basket for ever",
	})
	s.lab.Check(m.DeliveryMode == amqp.Persistent, lab.Claim{
		Saw:  fmt.Sprintf("the basket has delivery mode %d", m.DeliveryMode),
		Want: "2, persistent",
		Why:  "RabbitMQ is restarted, and all baskets that waited are gone",
		Wire: s.story(),
		Read: "03-durability/README.md#persistent",
	})
}

// The long limit is an hour on every clock: so it isn't over before the test is.
func TestShortLimitDoesNotWaitForALongOne(t *testing.T) {
	s := newStage(t)
	s.limits.Unpaid = []time.Duration{time.Hour, s.short}
	s.mustDeclare("the broker was empty", s.limits)
	s.mustPublish(basket(1), time.Hour)
	s.mustPublish(basket(2), s.short)

	s.wait(s.short)

	s.moved(basket(2), expiry.Reminded, lab.Claim{
		Saw: fmt.Sprintf("basket-1 was published with a limit of 1h, then basket-2 with %v: that is over, and basket-2 is not in %s",
			s.short, expiry.Reminded),
		Want: "basket-2 is there: it doesn't wait for basket-1",
		Why: "RabbitMQ looks at the head of a queue only: one customer with a long limit, and the limit of everybody behind is " +
			"as long",
	})
	s.lab.Check(s.lab.Depth(expiry.Reminded) == 0, lab.Claim{
		Saw:  "basket-1 has a limit of 1h, and is late already",
		Want: "it waits",
		Wire: s.story(),
		Read: aboutTTL,
	})
}

// Nothing here is shortened where the clock is real: a minute is a minute, and looked at is the very first bit of it.
func TestNobodyIsEarly(t *testing.T) {
	s := newStage(t)
	first := 200 * time.Millisecond
	if s.lab.HasClock() {
		first = 59 * time.Second
	}
	s.limits = expiry.Limits{Unpaid: []time.Duration{time.Minute}, Reminded: time.Minute}
	s.mustDeclare("the broker was empty", s.limits)
	s.mustPublish(basket(7), time.Minute)
	s.lab.Publish(expiry.Reminded, "basket-6")

	s.wait(first)

	claim := lab.Claim{
		Want: "it waits for its limit",
		Why:  "the customer still looks for the credit card, and the basket is given to somebody else",
		Wire: s.story(),
		Read: aboutTTL,
	}
	claim.Saw = fmt.Sprintf("basket-6 has been reminded, with a limit of 1m; after %v it is in %s", first, expiry.Expired)
	s.lab.Check(s.lab.Depth(expiry.Expired) == 0, claim)
	claim.Saw = fmt.Sprintf("basket-7 has a limit of 1m; after %v it is in %s", first, expiry.Reminded)
	s.lab.Check(s.lab.Depth(expiry.Reminded) == 1, claim)
	for _, e := range s.declared() {
		q, ok := e.Method.(*wire.QueueDeclare)
		if !ok {
			continue
		}
		_, limited := q.Arguments.Get("x-max-length")
		_, limitedBytes := q.Arguments.Get("x-max-length-bytes")
		overflow, _ := q.Arguments.Get("x-overflow")
		refuses := strings.HasPrefix(fmt.Sprint(overflow), "reject-publish")
		claim.Saw = "Declare makes a queue of limited length: " + e.Gist()
		claim.Why = "a full queue moves its oldest on, however long it still has: on a busy day baskets are late at once"
		s.lab.Check(refuses || !limited && !limitedBytes, claim)
	}
}

func TestLateAgainTheyExpire(t *testing.T) {
	s := newStage(t)
	s.limits.Reminded = s.lab.Time(30 * time.Minute)
	s.mustDeclare("the broker was empty", s.limits)
	s.mustPublish(basket(7), s.short)
	s.wait(s.short)
	s.wait(s.limits.Reminded)

	m := s.moved(basket(7), expiry.Expired, lab.Claim{
		Saw: fmt.Sprintf("basket-7 waited for %v, was reminded, waited for %v more, and is not in %s", s.short, s.limits.Reminded,
			expiry.Expired),
		Want: "it is there",
		Why: "RabbitMQ drops a message that would go round without having been rejected, and tells nobody: the teapot is kept " +
			"for a basket that nobody finds any more",
	})

	claim := lab.Claim{
		Want: "two deaths: the last in " + expiry.Reminded + ", expired, once; the first elsewhere, expired, once",
		Why:  "who is asked why a basket was given up names the wrong reason",
		Wire: s.story(),
		Read: aboutDeath,
	}
	d, err := s.explain(m.Headers)
	claim.Saw = fmt.Sprintf("basket-7 was late twice; its headers say %s; Explain returned: %v", text(m.Headers), err)
	s.lab.NoError(err, claim)
	claim.Saw = fmt.Sprintf("basket-7 was late twice; its headers say %s; Explain returned %+v", text(m.Headers), d)
	first := d.First.Queue != "" && d.First.Queue != expiry.Reminded && d.First.Reason == "expired" && d.First.Count == 1
	s.lab.Check(first && d.Last == expiry.Cause{Queue: expiry.Reminded, Reason: "expired", Count: 1} && d.Total == 2, claim)
}

func TestQueuesStay(t *testing.T) {
	s := newShop(t)
	s.lab.Publish(expiry.Expired, "basket-3")

	s.wait(12 * s.short) // a quiet hour: nobody publishes, nobody takes

	claim := lab.Claim{
		Want: "queues stay, with what is in them",
		Why:  "RabbitMQ deletes a queue with an x-expires when nobody uses it. Its messages are gone; they are no dead letters",
		Wire: s.declarations(),
		Read: aboutTTL,
	}
	for _, queue := range []string{expiry.Reminded, expiry.Expired} {
		claim.Saw = fmt.Sprintf("nobody used the queues for an hour, and there is no %s", queue)
		s.lab.Check(s.lab.Exists(queue), claim)
		args := s.lab.Queue(queue).Arguments
		claim.Saw = fmt.Sprintf("%s is declared with %v", queue, args)
		s.lab.Check(args["x-expires"] == nil, claim)
	}
	q := s.lab.Queue(expiry.Expired)
	claim.Saw = fmt.Sprintf("%s is declared with %v", expiry.Expired, q.Arguments)
	claim.Want = "what is there stays until somebody takes it"
	claim.Why = "nobody looks for a week, or many come at once, and baskets are gone that nobody has seen"
	limited := q.Arguments["x-message-ttl"] != nil || q.Arguments["x-max-length"] != nil || q.Arguments["x-max-length-bytes"] != nil
	s.lab.Check(!limited && s.lab.Depth(expiry.Expired) == 1, claim)

	s.mustPublish(basket(7), s.short)
	s.wait(s.short)
	s.moved(basket(7), expiry.Reminded, lab.Claim{
		Saw:  "nobody used the queues for an hour; then basket-7 was published, was late, and is not in " + expiry.Reminded,
		Want: "queues stay, used or not: what a basket waits in, too",
		Why:  "RabbitMQ deletes a queue with an x-expires when nobody uses it, and to have messages is no use",
	})
}

// What baskets wait in has no name that a test could know: so it looks at what was declared.
func TestEverythingOutlivesARestart(t *testing.T) {
	s := newShop(t)
	for _, e := range s.declared() {
		stays := true
		switch m := e.Method.(type) {
		case *wire.QueueDeclare:
			stays = m.Durable && !m.AutoDelete && !m.Exclusive
		case *wire.ExchangeDeclare:
			stays = m.Durable && !m.AutoDelete
		}
		s.lab.Check(stays, lab.Claim{
			Saw:  "Declare makes something that doesn't stay: " + e.Gist(),
			Want: "all of it is durable, neither exclusive nor auto-delete",
			Why:  "RabbitMQ is restarted, or the service is, and all baskets that waited are gone",
			Wire: s.declarations(),
			Read: "03-durability/README.md#durable",
		})
	}
}

// 40 days are more milliseconds than fit into 31 bits.
func TestLimitsOfWeeks(t *testing.T) {
	s := newStage(t)
	const weeks = 40 * 24 * time.Hour
	s.mustDeclare("the broker was empty", expiry.Limits{
		Unpaid: []time.Duration{weeks, weeks + time.Millisecond}, Reminded: weeks,
	})

	s.mustPublish(basket(7), weeks)
	s.lab.Publish(expiry.Reminded, "basket-6")
	s.wait(s.short)

	s.lab.Check(s.lab.Depth(expiry.Reminded) == 1 && s.lab.Depth(expiry.Expired) == 0, lab.Claim{
		Saw: fmt.Sprintf("basket-7 waits for 40 days, basket-6 was reminded and waits as long; after %v %s has %d, and %s %d", s.short,
			expiry.Reminded, s.lab.Depth(expiry.Reminded), expiry.Expired, s.lab.Depth(expiry.Expired)),
		Want: "both wait",
		Why:  "wish lists are given up after minutes",
		Wire: s.story(),
		Read: aboutTTL,
	})
}

package retry_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/4-retry"
	"warren.example/workshop/lab"
)

func TestItComesBackStepByStep(t *testing.T) {
	s := newTimed(t, time.Minute, 10*time.Minute)
	d := s.put(order("order-7", nil))

	for i, step := range s.plan.Steps {
		s.must(d, 0.5)
		s.lab.Pass(step)
		d = s.next(fmt.Sprintf("order-7 failed %d times, and the step of %v is over", i+1, step))
		s.lab.Check(d.Headers[retry.Attempt] == int64(i+1), lab.Claim{
			Saw:  fmt.Sprintf("order-7 failed %d times, and comes back with attempt=%v (%[2]T)", i+1, d.Headers[retry.Attempt]),
			Want: fmt.Sprintf("attempt=%d, an int64", i+1),
			Why:  "a message that fails for ever is tried for ever",
			Wire: s.story(),
			Read: read,
		})
	}
	s.must(d, 0.5)

	p := s.sent(s.parked(), "order-7 failed once more than there are steps")
	s.lab.Check(p.Headers[retry.Attempt] == int64(3) && p.Headers[retry.Cause] == errStock.Error(), lab.Claim{
		Saw:  fmt.Sprintf("order-7 is parked with attempt=%v and cause=%q", p.Headers[retry.Attempt], p.Headers[retry.Cause]),
		Want: fmt.Sprintf("attempt=3 and cause=%q", errStock),
		Why:  "who looks at it on Monday has to find out by trying what is wrong",
		Wire: s.story(),
		Read: read,
	})
	s.renew()
	s.lab.Check(s.lab.Depth(queue) == 0, lab.Claim{
		Saw: "order-7 is parked. " + s.places(), Want: "it is nowhere else: each failure was acked", Wire: s.story(), Read: read,
	})
}

func TestJitterIsInsideTheStep(t *testing.T) {
	s := newTimed(t, 30*24*time.Hour)
	step := s.plan.Steps[0]
	for i, random := range []float64{0, 0.123456, 0.5, 0.999} {
		body := fmt.Sprintf("order-%d", i+1)
		d := s.put(order(body, nil))
		d.Expiration = "60000" // as if it had had a minute to live; it did not take it
		s.must(d, random)
		m := s.sent(s.waiting()[0], fmt.Sprintf("%s failed, and random was %v", body, random))
		half := float64(step/2) / float64(time.Millisecond)
		want := half + random*half
		got, err := strconv.ParseFloat(m.Expiration, 64)
		s.lab.Check(err == nil && math.Abs(got-want) <= 1, lab.Claim{
			Saw:  fmt.Sprintf("the step is %v and random is %v; the message waits with the expiration %q", step, random, m.Expiration),
			Want: fmt.Sprintf("%q, in milliseconds: half the step, and random of the other half", fmt.Sprintf("%.0f", want)),
			Why:  "two orders that blocked each other in the database come back at the same moment, and do it again",
			Wire: s.story(),
			Read: read,
		})
	}
	if !s.lab.HasClock() {
		return
	}
	d := s.put(order("order-5", nil))
	s.must(d, 0)
	s.lab.Pass(step/2 - time.Hour)
	claim := lab.Claim{Want: "it waits for half the step: random is 0", Wire: s.story(), Read: read}
	claim.Saw = "an hour before half the step is over: " + s.places()
	s.lab.Check(s.lab.Depth(queue) == 0, claim)
	s.lab.Pass(2 * time.Hour)
	claim.Saw = "an hour after half the step: " + s.places()
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == 1 }), claim)
}

// What stands at the head of a queue holds back all that expires behind it: rabbitmq.com/docs/ttl#per-message-ttl-caveats.
func TestNobodyWaitsLongerThanTheStep(t *testing.T) {
	s := newTimed(t, time.Minute, 30*24*time.Hour)
	claim := lab.Claim{
		Why:  "one order fails for the second time, and what fails after it, and would be done in a minute, waits for a month",
		Read: read,
	}
	back := func(n int, saw, want string) {
		there := s.lab.Soon(func() bool { return s.lab.Depth(queue) == n })
		claim.Saw, claim.Want, claim.Wire = saw+". "+s.places(), want, s.story()
		s.lab.Check(there, claim)
		s.lab.Drain(queue)
	}

	s.must(s.put(order("order-1", int64(1))), 0.9)
	s.must(s.put(order("order-2", nil)), 0.9)
	s.lab.Pass(s.plan.Steps[0])
	back(1, "order-1 waits for the second step, a month; order-2 came behind it, and its first step, a minute, is over",
		"order-2 is back: it waits for its own step")

	three, four := s.put(order("order-3", nil)), s.put(order("order-4", nil))
	s.must(three, 0.999)
	s.must(four, 0)
	s.lab.Pass(s.plan.Steps[0])
	back(2, "order-3 drew the whole step, a minute, and order-4 behind it the half; the minute is over", "both are back")

	s.lab.Publish(s.waiting()[0], "order-5")
	s.lab.Pass(s.plan.Steps[0])
	back(1, "somebody moved order-5 by hand into the first step's queue, without an expiration; the minute is over",
		"it is back: the queue has a time of its own (x-message-ttl)")
}

func TestNobodyElseGetsItAgain(t *testing.T) {
	const exchange, billing, newsletter = "shop.events", "billing.events", "newsletter"
	s := newTimed(t, time.Minute, 30*24*time.Hour)
	setUp := s.lab.Channel()
	err := setUp.ExchangeDeclare(exchange, amqp.ExchangeTopic, true, false, false, false, nil)
	for _, q := range []string{billing, newsletter, queue} {
		if q != queue {
			s.lab.Declare(q, nil)
		}
		if err == nil && q != newsletter {
			err = setUp.QueueBind(q, "order.#", exchange, false, nil)
		}
	}
	if err != nil {
		s.lab.Failf("set up the exchange: %v", err)
	}
	claim := lab.Claim{
		Want: "who did not fail hears nothing of it: it goes to one queue, by the default exchange, and back by it",
		Why:  "the stock database is away for a moment, and the customer gets a second invoice",
		Read: read,
	}
	heard := func(other, when string, n int) {
		claim.Saw, claim.Wire = fmt.Sprintf("order-7 failed in %s; %s, %s got a copy of it", queue, when, other), s.story()
		s.lab.Check(n == 0, claim)
	}

	publish := func(failed int64) amqp.Delivery {
		m := order("order-7", failed)
		m.Headers["CC"] = []any{newsletter} // a key for the exchange; for the default exchange it is a queue
		s.lab.Put(exchange, "order.placed", m)
		s.lab.Get(billing)
		return s.next("order-7 was published to " + exchange)
	}

	s.must(publish(1), 0.5)                                                // a copy would have the same month to live
	heard(newsletter, "when it was sent to wait", s.lab.Depth(newsletter)) // the confirm stands for all queues that got it

	s.must(publish(0), 0.5)
	s.lab.Pass(s.plan.Steps[0])
	s.next("order-7 failed, and its minute is over")
	s.lab.Publish(billing, "the last one")
	heard(billing, "when it came back", strings.Count(string(s.lab.Get(billing).Body), "order-7"))
}

func TestItComesBackAsItWas(t *testing.T) {
	s := newStage(t)
	was := amqp.Publishing{
		Headers:     amqp.Table{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "schema-version": int32(2), "x-tenant": "eu"},
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: amqp.Persistent, Priority: 3,
		CorrelationId: "order-7", ReplyTo: "order.replies", MessageId: "seven", Timestamp: time.Unix(1_700_000_000, 0),
		Type: "stock.reserve", AppId: "order", Body: []byte(`{"order":7}`),
	}
	for i, to := range append(s.waiting(), s.parked()) {
		d := s.put(was)
		d.Headers["CC"] = []any{"newsletter"} // as if it had come by an exchange, and had died before
		d.Headers["x-death"] = []any{amqp.Table{"queue": to, "reason": "expired", "count": int64(1)}}
		before := maps.Clone(d.Headers)
		s.must(d, 0.5)
		claim := lab.Claim{Wire: s.story(), Read: read}
		claim.Saw = fmt.Sprintf("the headers of the delivery were %v; after Retry they are %v", before, d.Headers)
		claim.Want = "d is not changed: what is sent has headers of its own"
		claim.Why = "Retry fails and is called again, and the same failure counts twice"
		s.lab.Check(reflect.DeepEqual(before, d.Headers), claim)

		got := s.sent(to, fmt.Sprintf("order-7 failed %d times", i+1))
		claim.Why = "the trace ends here, replies go nowhere, and the handler that knows messages by their type parks this one"
		for name, value := range map[string][2]any{
			"body":           {string(got.Body), string(was.Body)},
			"traceparent":    {got.Headers["traceparent"], was.Headers["traceparent"]},
			"x-tenant":       {got.Headers["x-tenant"], was.Headers["x-tenant"]},
			"schema-version": {got.Headers["schema-version"], was.Headers["schema-version"]},
			"content type":   {got.ContentType, was.ContentType}, "content encoding": {got.ContentEncoding, was.ContentEncoding},
			"delivery mode": {got.DeliveryMode, was.DeliveryMode}, "priority": {got.Priority, was.Priority},
			"correlation id": {got.CorrelationId, was.CorrelationId}, "reply to": {got.ReplyTo, was.ReplyTo},
			"message id": {got.MessageId, was.MessageId}, "timestamp": {got.Timestamp.Unix(), was.Timestamp.Unix()},
			"type": {got.Type, was.Type}, "app id": {got.AppId, was.AppId},
			"attempt": {got.Headers[retry.Attempt], int64(i + 1)}, "cause": {got.Headers[retry.Cause], errStock.Error()},
			"queue": {got.Headers[retry.Queue], queue},
		} {
			claim.Saw = fmt.Sprintf("in %s the message has the %s %v", to, name, value[0])
			claim.Want = fmt.Sprintf("%s %v", name, value[1])
			s.lab.Check(value[0] == value[1], claim)
		}
		claim.Saw = fmt.Sprintf("in %s the message has the x-death %v", to, got.Headers["x-death"])
		claim.Want = "no x-death: it tells of another life"
		claim.Why = "RabbitMQ 3 believes it, sees a circle without a reject, and drops the message without a word"
		s.lab.Check(got.Headers["x-death"] == nil, claim)
		was.Headers[retry.Attempt] = int64(i + 1) // the next failure is one more
	}
}

func TestWhatMustNotStay(t *testing.T) {
	t.Run("user id", func(t *testing.T) {
		s := newStage(t)
		d := s.put(order("order-7", nil))
		d.UserId = "order-service" // whose user published it

		s.lab.NoError(s.result(s.try(d, errStock, 0.5)), lab.Claim{
			Want: "nil: without a user id anybody may publish it (rabbitmq.com/docs/validated-user-id)",
			Why:  "what another service sent can't be put into any queue (406): it fails, comes back at once, and fails",
			Wire: s.story(),
			Read: read,
		})
		s.sent(s.waiting()[0], "a message of another user failed")
	})
	t.Run("expiration", func(t *testing.T) {
		s := newStage(t)
		m := order("order-7", int64(2))
		m.Expiration, m.DeliveryMode = "3600000", amqp.Transient
		s.must(s.put(m), 0.5)
		p := s.sent(s.parked(), "order-7 failed for the third time")
		s.lab.Check(p.Expiration == "" && p.DeliveryMode == amqp.Persistent, lab.Claim{
			Saw: fmt.Sprintf("a transient message with an hour to live is parked with expiration=%q, delivery mode %d",
				p.Expiration, p.DeliveryMode),
			Want: "no expiration, and delivery mode 2 (persistent)",
			Why:  "on Monday morning, when somebody looks at what is parked, nothing is there",
			Wire: s.story(),
			Read: read,
		})
	})
	t.Run("long cause", func(t *testing.T) {
		s := newStage(t)
		long := strings.Repeat("no crème brûlée left. ", 13_200) // 25 bytes each
		call := s.try(s.put(order("order-7", int64(2))), errors.New(long), 0.5)
		s.lab.NoError(s.result(call), lab.Claim{
			Want: "nil: of a cause of 330,000 bytes the first 1,000 are sent",
			Why:  "headers have to fit into one frame: RabbitMQ closes the connection (501), whoever works on it, each time",
			Wire: s.story(),
			Read: read,
		})
		p := s.sent(s.parked(), "order-7 failed for the third time")
		cause, _ := p.Headers[retry.Cause].(string)
		s.lab.Check(cause == long[:1000], lab.Claim{
			Saw: fmt.Sprintf("of a long cause %d bytes were sent", len(cause)), Want: "the first 1,000", Wire: s.story(), Read: read,
		})
	})
}

func TestAttemptIsItsOwnCount(t *testing.T) {
	s := newStage(t)
	first, second := s.waiting()[0], s.waiting()[1]
	for _, v := range []struct {
		failed any // the header, of which RabbitMQ keeps the type
		to     string
	}{
		{nil, first}, {int32(1), second}, {int64(1), second}, {int64(2), s.parked()}, {int64(99), s.parked()},
		{int64(0), first}, {int64(-1), first}, {"2", first}, {int64(math.MaxInt64), s.parked()},
	} {
		s.must(s.put(order("order-7", v.failed)), 0.5)
		s.sent(v.to, fmt.Sprintf("a message with attempt=%v (%[1]T) failed; there are two steps", v.failed))
	}

	s.put(order("order-8", nil))
	s.renew()
	s.must(s.next("the worker that had order-8 died"), 0.5)
	s.sent(first, "order-8 was delivered twice (redelivered, x-delivery-count=1), and failed once")
}

func TestAnyNumberOfSteps(t *testing.T) {
	s := newStage(t)
	s.plan = retry.Plan{Queue: "billing.commands"}
	s.lab.Declare(s.plan.Queue, amqp.Table{"x-queue-type": "quorum"})
	s.mustDeclare()
	s.must(s.put(order("order-7", nil)), 0.5)
	s.sent(s.parked(), "order-7 failed once; the plan has no steps")

	s.plan.Steps = []time.Duration{time.Hour, time.Hour}
	s.mustDeclare()
	s.must(s.put(order("order-8", int64(1))), 0.5)
	s.sent(s.waiting()[1], "order-8 failed for the second time; the plan has two steps of an hour, which share a queue")
}

// Somebody has published again what had died: RabbitMQ's own headers are in it. RabbitMQ 3 goes on counting there, and drops
// a message that comes where it died before without having been rejected since; 4 doesn't look.
func TestEarlierDeathsDoNotCount(t *testing.T) {
	s := newTimed(t, time.Minute, 2*time.Minute)
	m := order("order-7", nil)
	deaths := []any{}
	for _, place := range []string{s.waiting()[0], s.waiting()[1], queue} {
		deaths = append(deaths, amqp.Table{
			"count": int64(3), "reason": "expired", "queue": place, "time": time.Unix(1_700_000_000, 0), "exchange": "",
			"routing-keys": []any{place},
		})
	}
	m.Headers = amqp.Table{"x-death": deaths}
	s.must(s.put(m), 0.5)
	s.lab.Pass(s.plan.Steps[0])
	d := s.next("order-7, which had died before and was published again, failed once. The step of a minute is over")
	s.lab.Check(d.Headers[retry.Attempt] == int64(1), lab.Claim{
		Saw:  fmt.Sprintf("order-7 failed once, and comes back with attempt=%v (%[1]T)", d.Headers[retry.Attempt]),
		Want: "attempt=1, an int64: x-death says where it died in another life",
		Why:  "what people have mended and sent again is parked at its first failure",
		Wire: s.story(),
		Read: read,
	})
}

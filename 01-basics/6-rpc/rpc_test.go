package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestCallReturnsItsAnswer(t *testing.T) {
	s := newScene(t)

	q := s.ask("resume order-7")
	request := s.request()
	s.lab.Check(string(request.Body) == "resume order-7", lab.Claim{
		Saw: fmt.Sprintf("the request is %q", request.Body), Want: `what Call was given: "resume order-7"`,
	})
	s.reply(request, "order-7 resumed")

	s.mustGet(q, "order-7 resumed", lab.Claim{
		Saw:  "the service answered",
		Want: `Call returns "order-7 resumed"`,
		Read: "01-basics/README.md#rpc",
	})
}

func TestAnswersFindTheirCalls(t *testing.T) {
	const n = 6 // who gives an answer to any call that waits would have to be lucky six times
	s := newScene(t)
	var calls []*question
	var requests []amqp.Delivery
	for i := range n {
		calls = append(calls, s.ask(fmt.Sprintf("resume order-%d", i)))
		requests = append(requests, s.request())
	}

	for i, request := range slices.Backward(requests) {
		s.reply(request, fmt.Sprintf("order-%d resumed", i))
	}

	for i, q := range calls {
		s.mustGet(q, fmt.Sprintf("order-%d resumed", i), lab.Claim{
			Saw:  fmt.Sprintf("%d calls wait, and the last is answered first; the call for order-%d was answered", n, i),
			Want: "each call returns the answer with its own correlation id",
			Why:  "the operator reads that order-7 is fine, and it is order-8 that is",
			Read: "01-basics/README.md#rpc",
		})
	}
}

func TestSameQuestionTwiceIsTwoCalls(t *testing.T) {
	s := newScene(t)
	first := s.ask("resume order-7")
	one := s.request()
	second := s.ask("resume order-7")
	two := s.request()

	s.reply(one, "order-7 resumed")
	s.reply(two, "order-7 runs already")

	claim := lab.Claim{
		Saw:  "two calls asked the same at the same time, and each was answered",
		Want: "each call returns the answer to its own request: an id of its own, whatever it asks",
		Why:  "two operators press the same button; one gets the answer of the other, and one waits for ever",
		Read: "01-basics/README.md#rpc",
	}
	s.mustGet(first, "order-7 resumed", claim)
	s.mustGet(second, "order-7 runs already", claim)
}

func TestSlowAnswerHoldsUpNobody(t *testing.T) {
	s := newScene(t)
	slow := s.ask("resume order-7")
	request := s.request()

	quick := s.ask("resume order-8")
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.Depth(queue) == 1 }), lab.Claim{
		Saw:  "one call waits for its answer, and the request of a second one is not sent",
		Want: "calls wait side by side",
		Why:  "one slow answer stops everybody who asks",
		Read: "01-basics/README.md#rpc",
	})
	s.reply(s.request(), "order-8 resumed")

	claim := lab.Claim{
		Saw:  "the second call was answered while the first one waits",
		Want: "it returns its answer",
		Why:  "one slow answer stops everybody who asks",
		Read: "01-basics/README.md#rpc",
	}
	s.mustGet(quick, "order-8 resumed", claim)
	s.reply(request, "order-7 resumed")
	claim.Saw = "then the first call was answered too"
	s.mustGet(slow, "order-7 resumed", claim)
}

func TestManyCallsAtOnce(t *testing.T) {
	const n = 40
	s := newScene(t)
	calls := make(map[string]*question)
	for i := range n {
		order := fmt.Sprintf("order-%d", i)
		calls[order] = s.ask(order)
	}
	for order, request := range s.requests(n) { // a map's order is random
		s.reply(request, order+" resumed")
	}
	for order, q := range calls {
		s.mustGet(q, order+" resumed", lab.Claim{
			Saw:  fmt.Sprintf("%d goroutines called at once, and %s was answered", n, order),
			Want: "each gets its own answer",
			Why:  "a service with forty customers at once mixes up their orders",
			Read: "01-basics/README.md#rpc",
		})
	}
}

func TestContextEndsTheWait(t *testing.T) {
	s := newScene(t)
	q := s.ask("resume order-7")
	s.request() // the service dies with it

	q.Stop()

	err := q.WaitOr(lab.Claim{
		Saw:  "the service died with the request; ctx ended, and Call still waits",
		Want: "an error when ctx ends",
		Why:  "one dead service, and every program that asks it hangs until somebody restarts it",
		Read: "01-basics/README.md#rpc",
	})
	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw:  fmt.Sprintf("ctx was cancelled before an answer came, and Call returned: %v", err),
		Want: "an error that wraps the one of ctx (%w): the caller asks errors.Is(err, context.DeadlineExceeded)",
		Why:  "\"no answer yet\" and \"the broker is gone\" call for different actions",
		Read: "01-basics/README.md#rpc",
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	s := newScene(t)

	err := s.lab.Do("Call", func(ctx context.Context) error {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err := s.client.Call(ended, queue, []byte("resume order-7"))
		return err
	})

	s.lab.Check(errors.Is(err, context.Canceled), lab.Claim{
		Saw:  fmt.Sprintf("ctx had been cancelled before Call, and it returned: %v", err),
		Want: "an error that wraps the one of ctx (%w)",
		Read: "01-basics/README.md#rpc",
	})
	s.awhile()
	s.lab.Check(s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "basic.publish"}) == 0, lab.Claim{
		Saw:  "ctx had been cancelled before Call, and the request was sent",
		Want: "nothing is sent",
		Why:  "the caller has gone, and the service does work that nobody wants",
		Read: "01-basics/README.md#rpc",
	})
}

func TestEmptyAnswerIsAnAnswer(t *testing.T) {
	s := newScene(t)
	q := s.ask("resume order-7")
	s.reply(s.request(), "")

	s.mustGet(q, "", lab.Claim{
		Saw:  "the service answered without content",
		Want: "Call returns an empty answer and no error",
		Why:  "\"done\" needs no words, and the operator is told that it failed",
		Read: "01-basics/README.md#rpc",
	})
}

func TestLateAnswerIsForNobody(t *testing.T) {
	s := newScene(t)
	given := s.ask("resume order-7")
	late := s.request()
	s.lab.Error(given.Stopped(), lab.Claim{
		Saw: "ctx was cancelled before an answer came, and Call returned nil", Want: "an error",
	})

	next := s.ask("resume order-8")
	request := s.request()
	s.reply(late, "order-7 resumed")
	s.reply(request, "order-8 resumed")

	s.mustGet(next, "order-8 resumed", lab.Claim{
		Saw:  "a call for order-7 was given up; its answer came while a call for order-8 waited",
		Want: `the call for order-8 returns "order-8 resumed"; the late answer is thrown away`,
		Why:  "after one time-out every answer goes to the wrong caller, one late, for as long as the program runs",
		Read: "01-basics/README.md#rpc",
	})
}

func TestLateAnswerStopsNobody(t *testing.T) {
	s := newScene(t)
	given := s.ask("resume order-7")
	late := s.request()
	s.lab.Error(given.Stopped(), lab.Claim{
		Saw: "ctx was cancelled before an answer came, and Call returned nil", Want: "an error",
	})
	s.reply(late, "order-7 resumed")
	s.reply(late, "order-7 resumed") // and once more, by a service that was restarted

	next := s.ask("resume order-8")
	s.reply(s.request(), "order-8 resumed")

	s.mustGet(next, "order-8 resumed", lab.Claim{
		Saw:  "a call was given up and its answer came late; then another call was answered",
		Want: `it returns "order-8 resumed"`,
		Why:  "the goroutine that hands out the answers waits for a caller who has gone, and with it all others wait",
		Read: "01-basics/README.md#rpc",
	})
}

func TestSecondAnswerStopsNobody(t *testing.T) {
	s := newScene(t)
	q := s.ask("resume order-7")
	request := s.request()
	for range 4 { // by a service that was restarted before it acked the request
		s.reply(request, "order-7 resumed")
	}
	claim := lab.Claim{
		Saw:  "a request was answered four times",
		Want: "Call returns the first answer; the others are thrown away, and the next call is answered as well",
		Why:  "a service that was restarted before it acked answers again: that must not stop who asks",
		Read: "01-basics/README.md#rpc",
	}
	s.mustGet(q, "order-7 resumed", claim)

	next := s.ask("resume order-8")
	s.reply(s.request(), "order-8 resumed")

	claim.Saw += "; then another call was answered"
	s.mustGet(next, "order-8 resumed", claim)
}

func TestCallsLeaveNothingOnTheBroker(t *testing.T) {
	s := newScene(t)
	for i := range 5 {
		order := fmt.Sprintf("order-%d", i)
		q := s.ask(order)
		s.reply(s.request(), order+" resumed")
		s.mustGet(q, order+" resumed", lab.Claim{Saw: order + " was answered", Want: "Call returns its answer"})
	}

	var seen []string
	for _, method := range []string{"queue.declare", "channel.open", "basic.consume"} {
		made := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: method})
		seen = append(seen, fmt.Sprintf("%d %s", len(made), method))
	}
	s.lab.Check(strings.Join(seen, ", ") == "0 queue.declare, 1 channel.open, 1 basic.consume", lab.Claim{
		Saw:  "5 calls sent " + strings.Join(seen, ", "),
		Want: "0 queue.declare, 1 channel.open, 1 basic.consume: answers come by direct reply-to, over one channel",
		Why: "each queue and channel is a process on the broker: a thousand questions a second make and drop a thousand " +
			"of them",
		Read: "01-basics/README.md#rpc",
	})
}

func TestClientOutlivesItsSetUp(t *testing.T) {
	s := newScene(t) // the context that NewClient was given has ended
	claim := lab.Claim{
		Want: "ctx limits the set-up only",
		Why:  "five seconds for the set-up, says the program; and after five seconds every call fails",
		Read: "01-basics/README.md#rpc",
	}
	for range 5 { // whoever was going to act on that end has done it by the last one
		s.awhile()
		q := s.ask("resume order-7")
		came := s.lab.Soon(func() bool { return s.lab.Depth(queue) == 1 || !q.Running() }) && s.lab.Depth(queue) == 1
		claim.Saw = "the context that NewClient was given has ended, and nothing can be asked any more" + q.ended()
		s.lab.Check(came, claim)
		s.reply(s.request(), "order-7 resumed")
		claim.Saw = "the context that NewClient was given has ended; a call was answered"
		s.mustGet(q, "order-7 resumed", claim)
	}
}

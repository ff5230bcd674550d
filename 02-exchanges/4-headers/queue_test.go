package headers_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/4-headers"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

var jsonReports = headers.Interest{Match: headers.All, Format: "json", Type: "report"}

func TestReportsGatherWhileNobodyReads(t *testing.T) {
	s := newStage(t)
	s.lab.NoError(s.declare(queue, jsonReports), lab.Claim{Want: "nil: nothing speaks against the interest", Read: read})

	if err := s.conn.Close(); err != nil { // bookkeeping goes home
		s.lab.Failf("close the connection: %v", err)
	}

	claim := lab.Claim{
		Want: "the queue stays, and reports gather in it: durable, neither exclusive nor auto-delete",
		Why:  "what is made at night, while nobody reads, is lost",
		Read: read,
	}
	claim.Saw = "who asked for reports has gone, and there is no queue " + queue
	s.lab.Check(s.lab.Exists(queue), claim)
	q := s.lab.Queue(queue)
	claim.Saw = fmt.Sprintf("the queue has durable=%t, exclusive=%t, auto-delete=%t", q.Durable, q.Exclusive, q.AutoDelete)
	s.lab.Check(q.Durable && !q.Exclusive && !q.AutoDelete, claim)
	claim.Want = "all reports that fit gather in the queue, however many, however long"
	for _, limit := range []string{"x-expires", "x-message-ttl", "x-max-length", "x-max-length-bytes"} {
		claim.Saw = fmt.Sprintf("the queue was declared with %s=%v", limit, q.Arguments[limit])
		s.lab.Check(q.Arguments[limit] == nil, claim)
	}
	s.make()
	n := len(s.take(queue))
	claim.Saw = fmt.Sprintf("reports were made at night, and the queue has %d of the 4 that fit", n)
	s.lab.Check(n == 4, claim)
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lab.Tap.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "queue.bind"}}})

	err := s.declare(queue, jsonReports)

	s.lab.Error(err, lab.Claim{
		Saw:  "the connection broke before RabbitMQ had bound the queue, and Declare returned nil",
		Want: "an error: RabbitMQ has not said that the queue is bound",
		Why:  "the service believes that it gets its reports, and gets none until it is started again",
		Wire: s.lab.Wire(s.said()...),
		Read: "02-exchanges/README.md#binding",
	})
	s.lab.Error(s.publish(headers.Report{Format: "json"}), lab.Claim{
		Saw:  "the connection is gone, and Publish returned nil",
		Want: "an error",
		Why:  "nobody gets the report, and nobody knows that",
		Read: read,
	})
}

// refusedWith406 claims that an error is RabbitMQ's own, for a conflict.
func (s *stage) refusedWith406(function, what string, err error) {
	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "RabbitMQ says in one sentence what is wrong, and somebody searches all night since it was thrown away",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = fmt.Sprintf("%s, and %s returned nil", what, function)
	s.lab.Error(err, claim)
	var refused *amqp.Error
	claim.Saw = fmt.Sprintf("%s, and the error of %s doesn't say so: %v", what, function, err)
	s.lab.Check(errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed, claim)
	claim.Want = "an error that says at which step, and wraps the cause"
	claim.Saw = fmt.Sprintf("%s, and the error of %s is RabbitMQ's own, without a word about the step: %v", what, function, err)
	claim.Why = "it stands in the log among others, and nobody knows what the service was doing"
	s.lab.Check(err.Error() != refused.Error(), claim)
}

func TestConflictIsNamed(t *testing.T) {
	s := newStage(t)
	s.lab.Declare(queue, amqp.Table{"x-max-length": 10}) // somebody else wants it to be short

	err := s.declare(queue, jsonReports)
	s.refusedWith406("Declare", "the queue is there with other properties", err)

	if err := s.own.ExchangeDelete(headers.Exchange, false, false); err != nil {
		s.lab.Failf("delete exchange %q: %v", headers.Exchange, err)
	}
	s.exchange(amqp.ExchangeFanout)
	s.ch = s.channel()
	err = s.declare("other.reports", jsonReports)
	s.refusedWith406("Declare", headers.Exchange+" is there as a fanout exchange", err)

	s.ch = s.channel()
	err = s.publish(headers.Report{Format: "json"})
	s.refusedWith406("Publish", headers.Exchange+" is there as a fanout exchange", err)
}

func TestExchangeIsTheOneOfTheShop(t *testing.T) {
	s := newStage(t)
	s.exchange(amqp.ExchangeHeaders) // durable, not auto-delete

	err := s.declare(queue, jsonReports)

	claim := lab.Claim{
		Want: "nil: " + headers.Exchange + " is a durable exchange of type headers for all, not auto-delete",
		Why: "an exchange that is not durable is gone after a restart of the broker, with all bindings; an auto-delete one " +
			"goes with its last binding",
		Read: "02-exchanges/README.md#conflict",
	}
	claim.Saw = fmt.Sprintf("another service had made %s as the contract has it, and Declare returned: %v", headers.Exchange, err)
	s.lab.NoError(err, claim)
	err = s.publish(headers.Report{Format: "json", Type: "report", Body: []byte("sales")})
	claim.Saw = fmt.Sprintf("another service had made %s as the contract has it, and Publish returned: %v", headers.Exchange, err)
	s.lab.NoError(err, claim)
	got := bodies(s.came(queue))
	s.lab.Check(slices.Equal(got, []string{"sales"}), lab.Claim{
		Saw: fmt.Sprintf("who asked for json reports got %q", got), Want: "the one report", Read: read,
	})
}

// refused claims that Declare returned an error before anything was said to RabbitMQ, and that connection and channel are as
// before.
func (s *stage) refused(err error, what, why string) {
	claim := lab.Claim{Want: "an error, before anything is said to RabbitMQ", Why: why, Read: read}
	claim.Saw = fmt.Sprintf("%s, and Declare returned nil", what)
	s.lab.Error(err, claim)
	said := s.recorded()
	claim.Wire = s.lab.Wire(said...)
	claim.Saw = fmt.Sprintf("%s, and Declare talked to RabbitMQ before it refused that (%v)", what, err)
	s.lab.Check(len(said) == 0, claim)
	claim.Saw = fmt.Sprintf("%s, and Declare ended its caller's channel (%v)", what, err)
	s.lab.Check(!s.ch.IsClosed() && !s.conn.IsClosed(), claim)
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	s := newStage(t)
	for _, match := range []string{"", "al", "ANY", "either", "all-with-x"} {
		s.refused(s.declare(queue, headers.Interest{Match: match, Format: "json"}), fmt.Sprintf("a Match of %q", match),
			"a word was misspelt: RabbitMQ refuses some of those, and closes the channel; with others a queue gets what it never "+
				"asked for")
	}
	for _, match := range []string{headers.All, headers.Any} {
		s.refused(s.declare(queue, headers.Interest{Match: match}), fmt.Sprintf("an interest in %s of nothing", match),
			"all of nothing fits every report, and any of nothing fits none: a configuration was not filled in, and the queue "+
				"overflows or stays empty")
	}
	s.refused(s.declare("", jsonReports), "a queue without a name",
		"RabbitMQ makes a name up, nobody knows it, and reports gather there until the disk is full")
	s.refused(s.declare(strings.Repeat("q", 256), jsonReports), "a queue with a name of 256 bytes",
		"AMQP has one byte for the length of a name: amqp091-go can't write it, and ends the whole connection, with all its channels")

	said := s.said()
	s.lab.Check(len(said) == 0, lab.Claim{
		Saw: "Declare talked to RabbitMQ about what it refused", Want: "it looks first", Wire: s.lab.Wire(said...), Read: read,
	})
}

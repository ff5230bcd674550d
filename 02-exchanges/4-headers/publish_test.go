package headers_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/4-headers"
	"warren.example/workshop/lab"
)

func TestHeadersSayWhatTheReportIs(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", amqp.Table{"x-match": "all"}) // all of nothing: everything
	const body = "{\"sold\":7}\n\x00\xff"

	s.mustPublish(headers.Report{Format: "json", Type: "Report", Year: 2026, Supplier: "acme", Body: []byte(body)})

	claim := lab.Claim{
		Want: "the headers format=json, type=Report, year=2026 and x-supplier=acme",
		Why: "a headers exchange looks at the headers of a message, and neither at its properties, nor at its routing key, nor " +
			"at its body: the report passes by all who asked for it",
		Wire: s.lab.Wire(s.said()...),
		Read: read,
	}
	got := s.came(all)
	claim.Saw = fmt.Sprintf("one report was published, and %d came", len(got))
	s.lab.Check(len(got) == 1, claim)
	h := got[0].Headers
	for _, name := range []string{"format", "type", "x-supplier"} {
		claim.Saw = fmt.Sprintf("the report came with the headers %v: %s is %T %v", h, name, h[name], h[name])
		s.lab.Check(h[name] == map[string]string{"format": "json", "type": "Report", "x-supplier": "acme"}[name], claim)
	}
	year := reflect.ValueOf(h["year"])
	claim.Saw = fmt.Sprintf("the report came with the headers %v: the year came as %T %v", h, h["year"], h["year"])
	claim.Why = "headers have kinds, and a text \"2026\" is not the number 2026; from RabbitMQ 4 on, the float 2026.0 isn't either: " +
		"who asked for the year gets nothing"
	s.lab.Check(year.CanInt() && year.Int() == 2026 || year.CanUint() && year.Uint() == 2026, claim)
	s.lab.Check(string(got[0].Body) == body, lab.Claim{
		Saw: fmt.Sprintf("%q went in, %q came out", body, got[0].Body), Want: "the body, byte for byte",
		Why: "who gets the report can't read it", Wire: claim.Wire, Read: read,
	})
}

func TestEmptyFieldHasNoHeader(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", amqp.Table{"x-match": "all"})

	s.mustPublish(headers.Report{Type: "inventory"})
	s.mustPublish(headers.Report{Format: "pdf", Supplier: "acme"})
	s.mustPublish(headers.Report{Body: []byte("of no kind")}) // who asks for nothing is refused, a report of no kind isn't

	wire := s.lab.Wire(s.said()...)
	missing := [][]string{{"format", "year", "x-supplier"}, {"type", "year"}, {"format", "type", "year", "x-supplier"}}
	came := s.came(all)
	s.lab.Check(len(came) == len(missing), lab.Claim{
		Saw:  fmt.Sprintf("%d reports were published, and %d came", len(missing), len(came)),
		Want: "each report, once", Wire: wire, Read: read,
	})
	for n, m := range came {
		for _, name := range missing[n] {
			value, there := m.Headers[name]
			s.lab.Check(!there, lab.Claim{
				Saw:  fmt.Sprintf("a report without %s came with the headers %v: %s is %T %#v", name, m.Headers, name, value, value),
				Want: "a field that is not filled in has no header",
				Why:  "who asks for all reports that have a supplier, as RabbitMQ allows, gets those that have none",
				Wire: wire,
				Read: read,
			})
		}
	}
}

func TestPublishNeedsNobodyWhoAsks(t *testing.T) {
	s := newStage(t)
	s.lab.Declare("ear", nil)

	s.mustPublish(headers.Report{Format: "json"}) // to a broker with nothing in it
	got := bodies(s.came("ear"))
	s.lab.Check(len(got) == 0, lab.Claim{
		Saw: fmt.Sprintf("a queue that nobody has bound got %q", got), Want: "reports go where they were asked for", Read: read,
	})
	if err := s.own.ExchangeDelete(headers.Exchange, false, false); err != nil { // a new broker, moved to by night
		s.lab.Failf("delete exchange %q: %v", headers.Exchange, err)
	}
	s.mustPublish(headers.Report{Format: "json"})
	s.came("ear")
}

func TestEndedCtxSendsNothing(t *testing.T) {
	s := newStage(t)
	all := s.ear("all", amqp.Table{"x-match": "all"})

	err := s.lab.Do("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return headers.Publish(ctx, s.ch, headers.Report{Format: "json"})
	})

	claim := lab.Claim{Want: "ctx's error, and nothing is sent", Read: read}
	claim.Saw = fmt.Sprintf("ctx had ended, and Publish returned: %v", err)
	claim.Why = "nothing was sent, and the caller believes that all have the report"
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	claim.Saw = "ctx had ended, and the report was sent"
	claim.Why = "the report was withdrawn, and it is in the books all the same"
	s.lab.Check(len(s.came(all)) == 0, claim)
}

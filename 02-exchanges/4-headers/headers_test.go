package headers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/4-headers"
	"warren.example/workshop/lab"
)

// reports are made in the shop of these tests, in this order. Their names are their bodies.
var reports = []struct {
	name    string
	headers amqp.Table
}{
	{"sales", amqp.Table{"format": "json", "type": "report", "year": int32(2026)}},
	{"sales-acme", amqp.Table{"format": "json", "type": "report", "year": int64(2026), "x-supplier": "acme"}},
	{"sales-bolt", amqp.Table{"format": "json", "type": "report", "year": int64(2026), "x-supplier": "bolt"}},
	{"sales-old", amqp.Table{"format": "json", "type": "report", "year": int32(2025)}},
	{"sales-pdf", amqp.Table{"format": "pdf", "type": "report", "year": int16(2026)}},
	{"stock", amqp.Table{"format": "json", "type": "inventory"}},
	{"stock-pdf-acme", amqp.Table{"format": "pdf", "type": "inventory", "x-supplier": "acme"}},
	{"text-year", amqp.Table{"format": "csv", "type": "tax", "year": "2026"}},
	{"loud", amqp.Table{"format": "JSON", "type": "report", "x-supplier": "ACME"}},
	{"swapped", amqp.Table{"format": "report", "type": "json"}},
	{"empty", amqp.Table{"format": "", "type": "", "year": int32(0), "x-supplier": ""}},
	{"bare", amqp.Table{}},
}

// A reader asks for reports, with a queue of its own, and is to get those that are wanted.
type reader struct {
	asks   headers.Interest
	wanted []string
}

// gets claims that of all reports, each reader gets those that are wanted, each once.
func (s *stage) gets(readers ...reader) {
	queueOf := func(n int) string { return fmt.Sprintf("reader-%d", n+1) }
	for n, r := range readers {
		s.mustDeclare(queueOf(n), r.asks)
	}
	wire := s.lab.Wire(s.said()...)

	s.make()

	for n, reader := range readers {
		queue, asks := queueOf(n), say(reader.asks)
		got := bodies(s.take(queue))
		for _, r := range reports {
			want, times := slices.Contains(reader.wanted, r.name), 0
			for _, body := range got {
				if body == r.name {
					times++
				}
			}
			claim := lab.Claim{
				Want: "it gets " + strings.Join(reader.wanted, ", "),
				Wire: wire,
				Read: read,
			}
			claim.Saw = fmt.Sprintf("%s asks for %s, and does not get %s, with the headers %v", queue, asks, r.name, r.headers)
			claim.Why = "a report that no binding fits is dropped, and nobody is told: the books of that day are never made"
			s.lab.Check(!want || times > 0, claim)
			claim.Saw = fmt.Sprintf("%s asks for %s, and gets %s, too, with the headers %v", queue, asks, r.name, r.headers)
			claim.Why = "what somebody else asked for is put into the books"
			s.lab.Check(want || times == 0, claim)
			claim.Saw = fmt.Sprintf("%s asks for %s, and gets %s %d times", queue, asks, r.name, times)
			claim.Why = "what was sold once is in the books twice"
			s.lab.Check(times <= 1, claim)
		}
	}
}

// make publishes all reports without Publish, each with another routing key. It waits until RabbitMQ has them.
func (s *stage) make() {
	var all []*amqp.DeferredConfirmation
	for n, r := range reports {
		m := amqp.Publishing{Headers: r.headers, Body: []byte(r.name)}
		c, err := s.own.PublishWithDeferredConfirm(headers.Exchange, fmt.Sprintf("key-%d", n), false, false, m)
		if err != nil {
			s.lab.Failf("publish %s: %v", r.name, err)
		}
		all = append(all, c)
	}
	missing := func(c *amqp.DeferredConfirmation) bool { return !c.Acked() }
	s.lab.Await("RabbitMQ to have all reports", func() bool { return !slices.ContainsFunc(all, missing) })
}

func TestAllMeansAll(t *testing.T) {
	s := newStage(t)
	s.gets(
		reader{headers.Interest{Match: headers.All, Format: "json", Type: "report"},
			[]string{"sales", "sales-acme", "sales-bolt", "sales-old"}},
		reader{headers.Interest{Match: headers.All, Format: "json", Type: "report", Year: 2026, Supplier: "bolt"},
			[]string{"sales-bolt"}},
	)
}

func TestAnyMeansOne(t *testing.T) {
	s := newStage(t)
	s.gets(
		reader{headers.Interest{Match: headers.Any, Format: "json", Type: "report"},
			[]string{"sales", "sales-acme", "sales-bolt", "sales-old", "sales-pdf", "stock", "loud"}},
		reader{headers.Interest{Match: headers.Any, Format: "pdf", Type: "inventory", Year: 2025, Supplier: "acme"},
			[]string{"sales-acme", "sales-old", "sales-pdf", "stock", "stock-pdf-acme"}},
	)
}

func TestWhatIsNotAskedForMayBeAnything(t *testing.T) {
	s := newStage(t)
	inventory := []string{"stock", "stock-pdf-acme"}
	s.gets(
		reader{headers.Interest{Match: headers.All, Type: "inventory"}, inventory},
		reader{headers.Interest{Match: headers.Any, Type: "inventory"}, inventory},
	)
}

func TestValuesAreComparedAsTheyAre(t *testing.T) {
	s := newStage(t)
	s.gets(
		reader{headers.Interest{Match: headers.All, Year: 2026}, []string{"sales", "sales-acme", "sales-bolt", "sales-pdf"}},
		reader{headers.Interest{Match: headers.All, Format: "JSON"}, []string{"loud"}},
	)
}

func TestSupplierCounts(t *testing.T) {
	s := newStage(t)
	s.gets(
		reader{headers.Interest{Match: headers.All, Supplier: "acme"}, []string{"sales-acme", "stock-pdf-acme"}},
		reader{headers.Interest{Match: headers.All, Format: "json", Supplier: "acme"}, []string{"sales-acme"}},
		reader{headers.Interest{Match: headers.Any, Format: "pdf", Supplier: "acme"},
			[]string{"sales-acme", "sales-pdf", "stock-pdf-acme"}},
	)
}

func TestDeclareAgainOnlyAdds(t *testing.T) {
	s := newStage(t)
	inventory := headers.Interest{Match: headers.All, Type: "inventory"}
	pdf := headers.Interest{Match: headers.All, Format: "pdf"}
	s.mustDeclare(queue, inventory)
	s.make() // two of them fit, and wait

	s.mustDeclare(queue, pdf)
	s.make() // three fit now, one of them both interests

	wire := s.lab.Wire(s.said()...)
	got := bodies(s.take(queue))
	slices.Sort(got)
	want := []string{"sales-pdf", "stock", "stock", "stock-pdf-acme", "stock-pdf-acme"}
	s.lab.Check(slices.Equal(got, want), lab.Claim{
		Saw: fmt.Sprintf("bookkeeping asked for %s; all reports were made; it asked for %s, too; all were made again; "+
			"its queue has %q", say(inventory), say(pdf), got),
		Want: fmt.Sprintf("%q: what waits stays, the first interest stays, and a report that fits both comes once", want),
		Why:  "each start of the service throws away what waited for it, or what it asked for earlier",
		Wire: wire,
		Read: read,
	})
}

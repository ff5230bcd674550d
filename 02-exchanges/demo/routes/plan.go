package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A plan is what is built, and what is published to its first exchange.
type plan struct {
	exchanges []exchange
	bindings  []binding
	messages  []string // as the learner writes them: routing keys, or headers
}

type exchange struct{ name, kind string }

// full returns the name by which RabbitMQ knows the exchange.
func (x exchange) full() string {
	if x.name == "" {
		return ""
	}
	return prefix + x.name
}

// A binding leads from an exchange to a queue, or to another exchange of the plan.
type binding struct{ from, to, text string }

// address returns what a message or a binding of the plan says: its key or, for a headers exchange, its headers.
func (p plan) address(text string) (key string, headers amqp.Table, err error) {
	if p.exchanges[0].kind != amqp.ExchangeHeaders {
		return text, nil, nil
	}
	headers, err = parse(text)
	return "", headers, err
}

// leads tells whether a binding leads to an exchange.
func (p plan) leads(b binding) bool {
	return slices.ContainsFunc(p.exchanges, func(x exchange) bool { return x.name == b.to })
}

// queues returns the plan's queues in the order of their bindings.
func (p plan) queues() []string {
	var names []string
	for _, b := range p.bindings {
		if !p.leads(b) && !slices.Contains(names, b.to) {
			names = append(names, b.to)
		}
	}
	return names
}

// prefix keeps what the demo makes apart from everything else.
const prefix = "demo."

var plans = map[string]plan{
	"default": {
		exchanges: []exchange{{"", amqp.ExchangeDirect}},
		bindings:  []binding{{"", "packing", prefix + "packing"}, {"", "mail", prefix + "mail"}},
		messages:  []string{prefix + "packing", prefix + "mail", prefix + "nobody"},
	},
	"fanout": {
		exchanges: []exchange{{"stock", amqp.ExchangeFanout}},
		bindings:  []binding{{"stock", "catalog-1", ""}, {"stock", "catalog-2", ""}, {"stock", "search", "kettle"}},
		messages:  []string{"kettle", "tea"},
	},
	"direct": {
		exchanges: []exchange{{"orders", amqp.ExchangeDirect}},
		bindings:  []binding{{"orders", "standard", "standard"}, {"orders", "priority", "priority"}, {"orders", "audit", "standard"}, {"orders", "audit", "priority"}},
		messages:  []string{"standard", "priority", "gift"},
	},
	"topic": {
		exchanges: []exchange{{"events", amqp.ExchangeTopic}},
		bindings:  []binding{{"events", "mail", "user.*"}, {"events", "books", "user.purchase.#"}, {"events", "refunds", "*.*.refunded"}, {"events", "audit", "#"}},
		messages:  []string{"user.signup", "user.purchase", "user.purchase.refunded", "user"},
	},
	"headers": {
		exchanges: []exchange{{"reports", amqp.ExchangeHeaders}},
		bindings: []binding{
			{"reports", "export", "x-match=all,format=json,type=report"},
			{"reports", "archive", "x-match=any,format=json,type=report"},
			{"reports", "audit", "x-match=all,year=2026"},
		},
		messages: []string{"format=json,type=report", "format=pdf,type=report", "year=2026", `year="2026"`},
	},
	"news": {
		exchanges: []exchange{{"news", amqp.ExchangeTopic}, {"recalls", amqp.ExchangeFanout}, {"offers", amqp.ExchangeDirect}},
		bindings: []binding{
			{"news", "recalls", "recall.#"}, {"news", "offers", "offer.*"},
			{"recalls", "tea", ""}, {"recalls", "cups", ""}, {"recalls", "pots", ""},
			{"offers", "tea", "offer.tea"}, {"offers", "cups", "offer.cups"}, {"offers", "pots", "offer.pots"}, {"offers", "pots", "offer.cups"},
		},
		messages: []string{"recall.tea.green", "offer.tea", "offer.cups", "weather"},
	},
}

// order is that of the list.
var order = []string{"default", "fanout", "direct", "topic", "headers", "news"}

// list says what there is to play with.
func list(w io.Writer) {
	for _, name := range order {
		p := plans[name]
		fmt.Fprintf(w, "%-8s %s\n", name, strings.Join(p.messages, "   "))
	}
}

// change puts a learner's bindings and messages in the place of the usual ones.
func (p *plan) change(bindings, messages []string) error {
	if len(bindings) > 0 {
		first := p.exchanges[0]
		p.exchanges, p.bindings = []exchange{first}, nil
		for _, text := range bindings {
			queue, key, ok := strings.Cut(text, "=")
			if !ok || queue == "" {
				return fmt.Errorf("-bind %q: it takes QUEUE=KEY", text)
			}
			if first.name == "" {
				return fmt.Errorf("-bind %q: RabbitMQ binds the default exchange, to each queue by its name", text)
			}
			p.bindings = append(p.bindings, binding{first.name, queue, key})
		}
	}
	if len(messages) > 0 {
		p.messages = messages
	}
	return nil
}

// parse reads headers: format=json,year=2026,batch="7". A number is a number, unless it is in quotes.
func parse(text string) (amqp.Table, error) {
	t := amqp.Table{}
	for field := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q: headers are NAME=VALUE,NAME=VALUE", text)
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			t[name] = n
		} else {
			t[name] = strings.Trim(value, `"`)
		}
	}
	return t, nil
}

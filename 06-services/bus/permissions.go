package bus

import (
	"regexp"
	"strings"

	"warren.example/06-services/events"
)

// Permissions are what a RabbitMQ user may do: regular expressions of names of queues and exchanges, as
// rabbitmq.com/docs/access-control has them.
type Permissions struct{ Configure, Write, Read string }

// Permissions returns the rights that the service needs to declare its topology, to consume its queues, to move what failed and
// to publish what package events says is from it; no others.
//   - configure: its own queues. Not the exchanges: who deploys the shop declares Shared.
//   - write: its own queues, since a binding writes to the queue; shop.commands and shop.events if it sends such; if it has
//     queues, shop.dead to park and the default exchange to try again. To declare a queue with a dead letter exchange takes
//     the right to write to that, too.
//   - read: its own queues, and the exchanges that it binds them to.
//
// RabbitMQ can't limit which queue somebody writes to through the default exchange. So a service that consumes could put
// messages into the queue of another one. It can't read, bind, purge or delete that.
func (q Queues) Permissions() Permissions {
	own := regexp.QuoteMeta(q.Service+".") + ".*"
	configure, write, read := []string{own}, []string{own}, []string{own}
	consumes := len(q.Names()) > 0
	if consumes {
		write = append(write, quoted(events.Dead), quoted("amq.default"))
		read = append(read, quoted(events.Dead))
	}
	if len(q.Commands()) > 0 {
		read = append(read, quoted(events.Commands))
	}
	if len(q.Hears)+len(q.Broadcasts) > 0 {
		read = append(read, quoted(events.Events))
	}
	sends := make(map[string]bool)
	for _, d := range events.All() {
		if d.From == q.Service {
			sends[d.Exchange()] = true
		}
	}
	for _, exchange := range []string{events.Commands, events.Events} {
		if sends[exchange] {
			write = append(write, quoted(exchange))
		}
	}
	if !consumes && len(q.Broadcasts) == 0 {
		configure, read = nil, nil
		write = write[1:]
	}
	return Permissions{anyOf(configure), anyOf(write), anyOf(read)}
}

func quoted(name string) string { return regexp.QuoteMeta(name) }

// anyOf matches any of them, and only the whole name. RabbitMQ would take a match within a name.
func anyOf(patterns []string) string { return "^(" + strings.Join(patterns, "|") + ")$" }

package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A fault is something that happens when a service comes to a place for the hit-th time.
type fault struct {
	service, place string
	hit            int
	broker         bool // RabbitMQ is killed; else the service is
	late           bool // RabbitMQ comes back after the service has gone on without it; else before
}

func (f fault) String() string {
	what := "dies"
	if f.broker {
		what = "loses RabbitMQ"
	}
	if f.late {
		what += " for a while"
	}
	return fmt.Sprintf("%s at %s:%d %s", f.service, f.place, f.hit, what)
}

// places are where each service can fail: "outbox" and "inbox" are several.
var places = []struct {
	service string
	names   []string
}{
	{"gateway", []string{"gateway.answered"}},
	{"user", []string{"outbox", "inbox"}},
	{"catalog", []string{"outbox", "inbox"}},
	{"order", []string{"outbox", "inbox", "order.deadline"}},
	{"inventory", []string{"outbox", "inbox"}},
	{"payment", []string{"outbox", "inbox", "bus.moved", "payment.asked", "payment.told", "refund.asked", "refund.told"}},
	{"provider", []string{"provider.charged", "provider.voided", "provider.refunded"}},
	{"shipping", []string{"outbox", "inbox"}},
	{"notification", []string{"outbox", "inbox"}},
}

var several = map[string][]string{
	"outbox": {"outbox.stored", "outbox.committed", "outbox.claimed", "outbox.confirmed", "outbox.marked"},
	"inbox":  {"inbox.marked", "inbox.committed", "bus.handled"},
}

// every returns all places, in rounds: in each of them every service fails at one place at most.
func every() (rounds [][]fault) {
	for _, s := range places {
		var names []string
		for _, name := range s.names {
			if parts, ok := several[name]; ok {
				names = append(names, parts...)
			} else {
				names = append(names, name)
			}
		}
		for n, name := range names {
			if n == len(rounds) {
				rounds = append(rounds, nil)
			}
			rounds[n] = append(rounds[n], fault{service: s.service, place: name, hit: 1})
		}
	}
	return rounds
}

// planned returns what fails in the run of a seed. As many seeds in a row as there are places, twice, have each of them with
// both kinds of failure. Every fourth run has a second failure somewhere else.
func planned(seed uint64) []fault {
	var all []fault
	for _, round := range every() {
		all = append(all, round...)
	}
	chance := rand.New(rand.NewPCG(seed, 6))
	pick := func(n uint64) fault {
		f := all[n%uint64(len(all))]
		f.broker = n/uint64(len(all))%2 == 1
		f.late = f.broker && chance.IntN(2) == 1
		f.hit = 1 + chance.IntN(4)
		return f
	}
	faults := []fault{pick(seed)}
	if seed%4 == 3 {
		if second := pick(chance.Uint64()); second.service != faults[0].service {
			faults = append(faults, second)
		}
	}
	return faults
}

func list(faults []fault) string {
	var texts []string
	for _, f := range faults {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, ", ")
}

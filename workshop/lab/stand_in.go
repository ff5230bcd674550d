package lab

import (
	"fmt"
	"os"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
)

// sayStandIn says once per test binary that no RabbitMQ judges, when nobody asked for that: WORKSHOP_BROKER=mini is asking, and
// the workshop's commands set it, since they say it themselves. It goes to stderr and not to a test, which it is not about.
func sayStandIn(source broker.Source) {
	if !mini.IsInside(source) || os.Getenv(broker.EnvBroker) == broker.ChoiceMini {
		return
	}
	fmt.Fprintf(os.Stderr, "minirabbit %s stands in for RabbitMQ; a real one: make up (or go run ./workshop up)%s\n",
		source.Version(), withoutRaces)
}

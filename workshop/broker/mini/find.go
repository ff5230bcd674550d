package mini

import (
	"context"
	"errors"
	"os"
	"strings"

	"warren.example/workshop/broker"
)

// standIn begins the names of all sources of minirabbits, also of those in another process.
const standIn = "minirabbit "

// Find returns the source of brokers that tests use: what broker.Find finds, and where no broker was given, minirabbits inside
// this process, as the environment wants them. WORKSHOP_BROKER=mini forces those, =external and =up forbid them. Every error
// says what to do. The caller closes the source.
func Find(ctx context.Context) (broker.Source, error) {
	source, err := broker.Find(ctx)
	if !errors.Is(err, broker.ErrNone) || os.Getenv(broker.EnvBroker) == broker.ChoiceUp {
		return source, err
	}
	options, err := FromEnvironment()
	if err != nil {
		return nil, err
	}
	own, err := New(options)
	if err != nil {
		return nil, err // not own: a nil pointer in an interface is not nil
	}
	return own, nil
}

// IsInside reports whether a source's brokers run in this process.
func IsInside(source broker.Source) bool {
	_, inside := source.(*Source)
	return inside
}

// IsStandIn reports whether a source, or the supervisor that has this name, gives minirabbits and no RabbitMQ.
func IsStandIn(name string) bool { return strings.HasPrefix(name, standIn) }

// Command lose follows one order through the places where it can be lost: the wire, the exchange, the queue when the broker
// dies, a full queue, the consumer. It loses the order at each, without an error. With -safe it loses none.
//
// It needs a broker that it may kill: that of `workshop up`, or, where none is up, a minirabbit in its own process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// A place is where an order can be lost. Its function lets something happen there, to a sender or a consumer that is safe or
// careless, and returns what the careful one was told, or what the careless one believed.
type place struct {
	name, event string
	happen      func(ctx context.Context, s *stage, safe bool) (told string, err error)
}

var places = []place{
	{"wire", "the connection breaks while it is sent", onTheWire},
	{"exchange", "no queue is bound to its key", inTheExchange},
	{"broker", "is killed, and starts again", inTheBroker},
	{"queue", "is full, and more orders come", inAFullQueue},
	{"consumer", "dies while it packs", atTheConsumer},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "lose:", err)
		os.Exit(1)
	}
}

// run sends an order through the places that were asked for, and prints a line for each.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("lose", flag.ContinueOnError)
	flags.SetOutput(stderr)
	safe := flags.Bool("safe", false, "publish and consume as this chapter teaches")
	at := flags.String("at", "", "only at one `place`: "+names())
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(places), func(p place) bool { return *at != "" && p.name != *at })
	if len(chosen) == 0 {
		return fmt.Errorf("-at %s: there are %s", *at, names())
	}

	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	fmt.Fprintf(stdout, "%s, order-7\n", s.name)
	kept := 0
	for _, p := range chosen {
		told, err := s.at(ctx, p, *safe)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		left, err := s.left(order7)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fate := "LOST"
		if left {
			fate = "kept"
			kept++
		}
		fmt.Fprintf(stdout, "  %-9s %-40s %s  %s\n", p.name, p.event, fate, told)
	}
	fmt.Fprintf(stdout, "%d of %d kept\n", kept, len(chosen))
	return nil
}

func names() string {
	var all []string
	for _, p := range places {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}

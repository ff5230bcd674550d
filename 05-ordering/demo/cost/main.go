// Command cost measures what order costs: the same events of orders, handled by as many workers in four ways. One of them keeps
// no order. For each it prints how many events were handled in a second, and how many of them after a later one of their order.
//
// The work for an event is a short sleep, as a database or a carrier would let it wait. The figures of one run can be compared
// with each other. Those of two runs, or two machines, can't.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"warren.example/05-ordering/demo/stage"
)

const rounds = 3

// A job is what all ways have to do.
type job struct {
	events  []event
	work    time.Duration // for an event, on average
	workers int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

// run measures all ways in turn, several rounds, and prints a table.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	flags.SetOutput(stderr)
	work := flags.Duration("work", time.Millisecond, "how long the work for an event takes, on average")
	workers := flags.Int("workers", 8, "how many workers there are, and partitions")
	orders := flags.Int("orders", 100, "how many orders there are, of 10 events each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *work < 0 || *workers < 1 || *orders < 1 {
		return errors.New("-work can't be negative, and there must be one of -workers and of -orders at least")
	}
	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	j := job{events: shuffled(*orders), work: *work, workers: *workers}
	results := make([]result, len(ways))
	fmt.Fprintf(stderr, "%d rounds …\n", rounds)
	for range rounds { // in turn, so that a slow moment of the machine hits all
		for i, w := range ways {
			r, err := w.measure(ctx, s, j)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			results[i].add(r)
		}
	}

	fmt.Fprintf(stdout, "%s: %d events of %d orders, %v of work each, %d workers\n", s.Name, len(j.events), *orders, *work, *workers)
	fmt.Fprintf(stdout, "%-28s %9s %6s %13s %10s\n", "", "events/s", "times", "out of order", "held back")
	for i, w := range ways {
		r := results[i]
		fmt.Fprintf(stdout, "%-28s %9.0f %6.2f %13d %10d\n", w.name, r.rate(), r.rate()/results[0].rate(), r.late/rounds, r.held)
	}
	return nil
}

// Command pauses lets two orders fail once, in a queue with a third that is good, and tries them again after a pause: order-7
// after a long one, order-8 after a short one. It does so in four ways, and prints when each order was done.
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
	"time"

	"warren.example/04-dlx/demo/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "pauses:", err)
		os.Exit(1)
	}
}

// run tries each way in turn and prints a line for each.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("pauses", flag.ContinueOnError)
	flags.SetOutput(stderr)
	long := flags.Duration("pause", 2*time.Second, "how long order-7 shall wait; order-8 waits for a tenth of it")
	only := flags.String("way", "", "only one `way`: "+ids())
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return *only != "" && w.id != *only })
	if len(chosen) == 0 {
		return fmt.Errorf("-way %s: there are %s", *only, ids())
	}
	if *long < 100*time.Millisecond {
		return errors.New("-pause: 100ms at least")
	}
	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	pauses := map[string]time.Duration{"order-7": *long, "order-8": *long / 10}
	fmt.Fprintf(stdout, "%s: order-7 again after %v, order-8 after %v, order-9 is good\n", s.Name, pauses["order-7"], pauses["order-8"])
	fmt.Fprintf(stdout, "%-24s %8s %8s %8s %11s\n", "", "order-7", "order-8", "order-9", "deliveries")
	for _, w := range chosen {
		r, err := w.try(ctx, s, pauses)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(stdout, "%-24s %8s %8s %8s %11d\n", w.name, r.when("order-7"), r.when("order-8"), r.when("order-9"), r.deliveries)
	}
	return nil
}

func ids() string {
	var all []string
	for _, w := range ways {
		all = append(all, w.id)
	}
	return strings.Join(all, ", ")
}

// A result tells when each order was done, and how often one was delivered.
type result struct {
	done       map[string]time.Duration
	deliveries int
}

// when is the time at which an order was done, in words.
func (r result) when(order string) string {
	at, ok := r.done[order]
	if !ok {
		return "LOST"
	}
	return fmt.Sprintf("%.2f s", at.Seconds())
}

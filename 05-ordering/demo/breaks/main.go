// Command breaks sends the four events of an order through a queue, and lets something ordinary happen on the way: a handler
// fails, a consumer stops, a partition is added. It prints in which order the events were handled.
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

	"warren.example/05-ordering/demo/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "breaks:", err)
		os.Exit(1)
	}
}

// run lets one thing after another happen, and prints a line for each.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("breaks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "only what has this `name`: "+names())
	queueType := flags.String("type", "quorum", "of the queues: quorum or classic")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(happenings), func(h happening) bool { return *only != "" && h.name != *only })
	if len(chosen) == 0 {
		return fmt.Errorf("-only %s: there are %s", *only, names())
	}
	if *queueType != "quorum" && *queueType != "classic" {
		return errors.New("-type is quorum or classic")
	}
	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	fmt.Fprintf(stdout, "%s, %s queues. order-7 is paid (1), packed (2), sent (3), delivered (4)\n", s.Name, *queueType)
	broken, before := 0, ""
	for i, h := range chosen {
		t := &tale{Stage: s, queue: fmt.Sprintf("demo.breaks.%d", i), queueType: *queueType}
		if h.happen(ctx, t); t.err != nil {
			return fmt.Errorf("%s: %s: %w", h.name, h.what, t.err)
		}
		verdict := "kept"
		if !t.handled.inOrder() {
			verdict = "BROKEN"
			broken++
		}
		name := h.name
		if name == before {
			name = ""
		}
		before = h.name
		fmt.Fprintf(stdout, "  %-11s %-41s %-15s %s\n", name, h.what, strings.Join(t.handled, " "), verdict)
	}
	fmt.Fprintf(stdout, "%d of %d broken\n", broken, len(chosen))
	return nil
}

// names are those of the happenings, each once.
func names() string {
	var all []string
	for _, h := range happenings {
		all = append(all, h.name)
	}
	return strings.Join(slices.Compact(all), ", ")
}

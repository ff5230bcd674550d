// Command strategy rejects an order where its dead letter can't arrive: there is no exchange for it, or no binding, or the queue
// is full. Then it mends that, and looks whether the dead letter comes after all.
//
// It depends on two arguments of the queue that the order dies in, a quorum queue: x-dead-letter-strategy and x-overflow.
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
	"time"

	"warren.example/04-dlx/demo/stage"
)

// again is when RabbitMQ tries again to get rid of a dead letter that nobody took
// (dead_letter_worker_publisher_confirm_timeout, three minutes), and a little more.
const again = 3*time.Minute + 20*time.Second

// The arguments of the queue, RabbitMQ's default first.
var (
	strategies = []string{"at-most-once", "at-least-once"}
	overflows  = []string{"drop-head", "reject-publish"}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "strategy:", err)
		os.Exit(1)
	}
}

// run lets an order die at each place, mends all places, and prints what became of each dead letter.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("strategy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	strategy := flags.String("strategy", strategies[0], "x-dead-letter-strategy: at-most-once or at-least-once")
	overflow := flags.String("overflow", overflows[0], "x-overflow: drop-head or reject-publish")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if !slices.Contains(strategies, *strategy) || !slices.Contains(overflows, *overflow) {
		return fmt.Errorf("-strategy is one of %v, -overflow one of %v", strategies, overflows)
	}

	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	fmt.Fprintf(stdout, "%s, %s, %s: order-7 is rejected\n", s.Name, *strategy, *overflow)

	for _, p := range places {
		if err := p.lose(ctx, s, *strategy, *overflow); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	for _, p := range places {
		if err := p.mend(ctx, s, p); err != nil {
			return fmt.Errorf("mend %s: %w", p.name, err)
		}
	}
	if *strategy == "at-least-once" {
		skipped, err := s.Skip(ctx, again)
		if err != nil {
			return err
		}
		if !skipped {
			fmt.Fprintln(stderr, "mended. RabbitMQ tries again every three minutes …")
			if err := wait(ctx, s, again); err != nil {
				return err
			}
		}
	}

	kept := 0
	for _, p := range places {
		there, err := p.arrived(s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fate := "LOST"
		if there {
			fate = "kept"
			kept++
		}
		fmt.Fprintf(stdout, "  %-9s %-13s  then %-9s %s\n", p.name, p.trouble, p.cure, fate)
	}
	fmt.Fprintf(stdout, "%d of %d dead letters arrived\n", kept, len(places))
	return nil
}

// wait waits until a dead letter is in each queue, or for so long.
func wait(ctx context.Context, s *stage.Stage, limit time.Duration) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for over := time.After(limit); ; {
		missing := 0
		for _, p := range places {
			q, err := s.QueueDeclarePassive(p.dead(), true, false, false, false, nil)
			if err != nil {
				return err
			}
			if q.Messages == 0 {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Command routes builds exchanges, bindings and queues, publishes messages, and shows who got a copy of which.
//
//	routes                              lists what there is to play with
//	routes topic                        a topic exchange, with messages that show what it does
//	routes topic user.login             the same with messages of your own: their routing keys
//	routes -bind mail=user.* topic user.login a.b    with bindings of your own too: queue=key
//	routes headers format=json,year=2026             here a message is its headers; "2026" in quotes is text
//	routes -loop news                   one message a second, until Ctrl-C: look at the broker's page meanwhile
//
// All that it makes is gone when it ends.
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

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "routes:", err)
		os.Exit(1)
	}
}

// run does what the arguments say, until that is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("routes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: routes [flags] default|fanout|direct|topic|headers|news [MESSAGE …]\n\n")
		flags.PrintDefaults()
	}
	loop := flags.Bool("loop", false, "one message a second, again and again, until Ctrl-C")
	var own []string
	flags.Func("bind", "QUEUE=KEY: a binding instead of the usual ones; may be repeated", func(text string) error {
		own = append(own, text)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	plan, ok := plans[flags.Arg(0)]
	if !ok {
		list(stdout)
		if flags.NArg() == 0 {
			return nil
		}
		return fmt.Errorf("unknown exchange type %q", flags.Arg(0))
	}
	if err := plan.change(own, flags.Args()[1:]); err != nil {
		return err
	}

	url, err := broker.URL(ctx)
	if err != nil {
		return err
	}
	conn, err := amqp.DialConfig(url, amqp.Config{Properties: amqp.Table{"connection_name": "routes"}})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() // ends its channel, and with it all that was made
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	r, err := build(ch, plan)
	if err != nil {
		return err
	}
	writeBindings(stdout, plan)
	table := newTable(stdout, plan)
	for i := 0; i < len(plan.messages) || *loop; i++ {
		if i > 0 && *loop {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		text := plan.messages[i%len(plan.messages)]
		got, err := r.publish(ctx, text)
		if ctx.Err() != nil {
			return nil // asked to stop
		}
		if err != nil {
			return err
		}
		table.write(text, got)
	}
	return nil
}

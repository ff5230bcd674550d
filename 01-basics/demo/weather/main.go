// Command weather is a weather service that is asked over the broker. One of its stations is slow, and delays nobody who
// asks another. It doesn't connect again when the connection breaks: see 01/5.
//
// Look at the times: all but one answer come at once. With -workers 1 they all come behind the slow one.
//
//	weather                       the service and some questions, in one process
//	weather -workers 1            the same with one worker
//	weather serve                 the service, until Ctrl-C
//	weather ask Oslo Reykjavik    questions, from another terminal
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

	"warren.example/workshop/broker"
)

const queue = "demo.weather" // where questions wait

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "weather:", err)
		os.Exit(1)
	}
}

// run does what the arguments say, until that is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("weather", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: weather [flags] [serve | ask CITY …]\n\n")
		flags.PrintDefaults()
	}
	s := service{stdout: stdout}
	flags.IntVar(&s.workers, "workers", 4, "how many questions are answered at a time")
	flags.DurationVar(&s.slow, "slow", 3*time.Second, "how long the station of Reykjavik takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.workers < 1 {
		return fmt.Errorf("-workers=%d: it takes at least 1", s.workers)
	}
	command, cities := flags.Arg(0), flags.Args()
	if len(cities) > 0 {
		cities = cities[1:]
	}

	url, err := broker.URL(ctx)
	if err != nil {
		return err
	}
	switch command {
	case "serve":
		return s.run(ctx, url)
	case "ask":
		if len(cities) == 0 {
			return errors.New("ask about which city? Try: weather ask Oslo Reykjavik")
		}
		return ask(ctx, url, cities, stdout)
	case "":
		return both(ctx, url, s)
	}
	flags.Usage()
	return fmt.Errorf("unknown command %q", command)
}

// both runs the service and asks it, and ends when the questions are answered.
func both(ctx context.Context, url string, s service) error {
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		served <- s.run(ctx, url)
		cancel() // without a service there is no point in asking
	}()
	err := ask(ctx, url, []string{"Reykjavik", "Oslo", "Rome", "Nairobi", "Atlantis", "Lima"}, s.stdout)
	cancel()
	return errors.Join(<-served, err)
}

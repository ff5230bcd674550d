// Command rates measures what a confirm costs: the same messages on a classic and on a quorum queue, one confirm at a time and
// with a window of several. With -away the broker is some milliseconds away, as between two data centres. It uses queues of
// its own and deletes them.
//
// The figures of one run can be compared with each other. Those of two runs, or two machines, can't.
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

const (
	rounds   = 3
	bodySize = 256 // bytes
)

// A contender is one way to publish to one kind of queue.
type contender struct {
	queue  string // its type
	window int    // how many messages may wait for their confirm
	sent   int
	took   time.Duration
}

func (c *contender) rate() float64 { return float64(c.sent) / c.took.Seconds() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "rates:", err)
		os.Exit(1)
	}
}

// run measures all contenders in turn, several rounds, and prints a table.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("rates", flag.ContinueOnError)
	flags.SetOutput(stderr)
	away := flags.Duration("away", 0, "how long a message takes to the broker, and an answer back")
	each := flags.Duration("each", time.Second, "how long each way to publish is measured, in each of 3 rounds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *away < 0 || *each <= 0 {
		return errors.New("-away can't be negative, and -each must be more than nothing")
	}

	url, err := broker.URL(ctx)
	if err != nil {
		return err
	}
	url, closeLine, err := distant(url, *away)
	if err != nil {
		return err
	}
	defer closeLine()

	contenders := []*contender{
		{queue: "classic", window: 1}, {queue: "classic", window: 10}, {queue: "classic", window: 100}, {queue: "classic", window: 1000},
		{queue: "quorum", window: 1}, {queue: "quorum", window: 10}, {queue: "quorum", window: 100}, {queue: "quorum", window: 1000},
	}
	fmt.Fprintf(stderr, "about %v …\n", *each*rounds*time.Duration(len(contenders)))
	name := ""
	for range rounds { // in turn, so that a slow moment of the machine hits all
		for _, c := range contenders {
			if name, err = c.measure(ctx, url, *each); err != nil {
				return fmt.Errorf("%s queue, window %d: %w", c.queue, c.window, err)
			}
		}
	}

	fmt.Fprintf(stdout, "%s, %d bytes, persistent, broker %v away\n", name, bodySize, *away)
	fmt.Fprintf(stdout, "%-8s %8s %12s %10s\n", "queue", "window", "messages/s", "times")
	for _, c := range contenders {
		fmt.Fprintf(stdout, "%-8s %8d %12.0f %10.1f\n", c.queue, c.window, c.rate(), c.rate()/contenders[0].rate())
	}
	return nil
}

// measure publishes for a while, on a connection and to a queue of its own, and returns the broker's name. What it adds to
// the contender are confirmed messages, and the time until the last of them was confirmed.
func (c *contender) measure(ctx context.Context, url string, while time.Duration) (name string, err error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return "", fmt.Errorf("open a channel: %w", err)
	}
	queue := "demo.rates." + c.queue
	if _, err := ch.QueueDelete(queue, false, false, false); err != nil { // what an interrupted run left
		return "", fmt.Errorf("delete queue %q: %w", queue, err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": c.queue}); err != nil {
		return "", fmt.Errorf("declare queue %q: %w", queue, err)
	}
	defer func() {
		_, deleteErr := ch.QueueDelete(queue, false, false, false)
		err = errors.Join(err, deleteErr)
	}()
	if err := ch.Confirm(false); err != nil {
		return "", fmt.Errorf("select confirm mode: %w", err)
	}

	began := time.Now()
	sent, err := c.publish(ctx, ch, queue, began.Add(while))
	c.sent, c.took = c.sent+sent, c.took+time.Since(began)
	return broker.Product(conn), err
}

// publish publishes until a time, with as many messages under way as the window has room for, and waits for all confirms.
func (c *contender) publish(ctx context.Context, ch *amqp.Channel, queue string, until time.Time) (sent int, err error) {
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: make([]byte, bodySize)}
	var window []*amqp.DeferredConfirmation // oldest first
	for time.Now().Before(until) || len(window) > 0 {
		if time.Now().Before(until) && len(window) < c.window {
			confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, message)
			if err != nil {
				return sent, fmt.Errorf("publish: %w", err)
			}
			window = append(window, confirm)
			continue
		}
		stored, err := window[0].WaitContext(ctx)
		if err != nil {
			return sent, fmt.Errorf("wait for a confirm: %w", err)
		}
		if !stored {
			return sent, errors.New("a message was not stored")
		}
		window = window[1:]
		sent++
	}
	return sent, nil
}

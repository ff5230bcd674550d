// Command receive takes the messages out of the queue "hello", one after another, until Ctrl-C. It does not connect again
// when the connection breaks: see 01/5.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
)

const queue = "hello"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "receive:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer) error {
	url, err := broker.URL(ctx)
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() // ends its channels too

	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	if err := ch.Qos(1, 0, false); err != nil { // one at a time, so that a second receiver gets its share
		return fmt.Errorf("limit what is sent ahead: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	fmt.Fprintf(stdout, "waiting for messages in queue %q; Ctrl-C ends\n", queue)
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(stdout, "asked to stop")
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the connection is gone")
			}
			fmt.Fprintf(stdout, "received %q\n", d.Body)
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("acknowledge: %w", err)
			}
		}
	}
}

// Command loss lets a consumer die in the middle of its work and counts what is left. It is what the lesson begins with.
// It uses a queue of its own and deletes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
)

const (
	queue  = "demo.loss"
	orders = 10
	packed = 3 // how many the consumer handles before it dies
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "loss:", err)
		os.Exit(1)
	}
}

// run publishes orders, lets a consumer die, and counts.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("loss", flag.ContinueOnError)
	flags.SetOutput(stderr)
	ack := flags.Bool("ack", false, "acknowledge each order when it is packed, instead of autoAck")
	if err := flags.Parse(args); err != nil {
		return err
	}

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
	if err := publish(ctx, ch); err != nil {
		return err
	}
	defer ch.QueueDelete(queue, false, false, false)
	fmt.Fprintf(stdout, "%2d orders are paid and wait in the queue\n", orders)

	if err := consumeAndDie(url, *ack); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%2d were packed, then the consumer died\n", packed)

	left, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil) // asks, and changes nothing
	if err != nil {
		return fmt.Errorf("look at queue %q: %w", queue, err)
	}
	fmt.Fprintf(stdout, "%2d are in the queue\n", left.Messages)
	fmt.Fprintf(stdout, "%2d are lost\n", orders-packed-left.Messages)
	return nil
}

// publish fills a new queue, and waits until RabbitMQ has confirmed each order (01/3).
func publish(ctx context.Context, ch *amqp.Channel) error {
	if _, err := ch.QueueDelete(queue, false, false, false); err != nil { // what an interrupted run left
		return fmt.Errorf("delete queue %q: %w", queue, err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("select confirm mode: %w", err)
	}
	for i := range orders {
		order := amqp.Publishing{ContentType: "text/plain", Body: fmt.Appendf(nil, "order-%d", i+1)}
		confirmation, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, order)
		if err != nil {
			return fmt.Errorf("publish to queue %q: %w", queue, err)
		}
		acked, err := confirmation.WaitContext(ctx)
		if err != nil {
			return fmt.Errorf("wait for the confirm: %w", err)
		}
		if !acked {
			return fmt.Errorf("publish to queue %q: not confirmed", queue)
		}
	}
	return nil
}

// consumeAndDie packs some orders and then ends its connection, as the death of a process does.
func consumeAndDie(url string, ack bool) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", !ack, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume %q: %w", queue, err)
	}
	for range packed {
		order, ok := <-deliveries
		if !ok {
			return errors.New("the connection is gone")
		}
		if !ack {
			continue // RabbitMQ has forgotten it already
		}
		if err := order.Ack(false); err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
	}
	return nil
}

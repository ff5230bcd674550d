// Command send puts a message into the queue "hello" and ends. Receive, in another terminal, takes it out; whichever of
// the two is started first. It does not wait for RabbitMQ's answer: see 01/3.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/broker"
)

const queue = "hello"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "send:", err)
		os.Exit(1)
	}
}

// run sends the arguments as one text.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	text := "stock.reserve order-7"
	if len(args) > 0 {
		text = strings.Join(args, " ")
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
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", queue, err)
	}
	message := amqp.Publishing{ContentType: "text/plain", Body: []byte(text)}
	if err := ch.PublishWithContext(ctx, "", queue, false, false, message); err != nil {
		return fmt.Errorf("publish to queue %q: %w", queue, err)
	}
	fmt.Fprintf(stdout, "sent %q to queue %q\n", text, queue)
	return nil
}

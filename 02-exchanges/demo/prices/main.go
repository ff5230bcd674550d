// Command prices raises three prices while two instances of the catalog listen, and asks both what they sell for. It is
// what the lesson begins with. What it declares goes when it ends.
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
	exchange  = "demo.prices"
	instances = 2
	all       = "all" // the type of the message that follows the last price
)

var products = []string{"tea", "cup", "pot"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "prices:", err)
		os.Exit(1)
	}
}

// run starts the instances, publishes, and compares.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("prices", flag.ContinueOnError)
	flags.SetOutput(stderr)
	own := flags.Bool("own", false, "a queue for each instance, instead of one for both")
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
	defer conn.Close() // ends its channels too, and what is exclusive
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, true, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %q: %w", exchange, err)
	}
	var catalogs []*catalog
	for n := range instances {
		queue := "demo.catalog"
		if *own {
			queue = fmt.Sprintf("demo.catalog-%d", n+1)
		}
		c, err := start(ch, queue)
		if err != nil {
			return err
		}
		catalogs = append(catalogs, c)
	}

	fmt.Fprintf(stdout, "both catalogs know   %s\n", text(catalogs[0].prices))
	prices := map[string]string{"tea": "4.40", "cup": "7.90", "pot": "28.00"}
	fmt.Fprintf(stdout, "prices rise          %s\n", text(prices))
	for _, product := range products {
		if err := publish(ctx, ch, product, prices[product]); err != nil {
			return err
		}
	}
	for range instances { // RabbitMQ serves the consumers of a queue in turn, so each gets one
		if err := publish(ctx, ch, all, ""); err != nil {
			return err
		}
	}
	stale := 0
	for n, c := range catalogs {
		if err := c.listen(ctx); err != nil {
			return err
		}
		for _, product := range products {
			if c.prices[product] != prices[product] {
				stale++
			}
		}
		fmt.Fprintf(stdout, "catalog %d sells for  %s\n", n+1, text(c.prices))
	}
	fmt.Fprintf(stdout, "%d of %d prices are stale\n", stale, instances*len(products))
	return nil
}

func publish(ctx context.Context, ch *amqp.Channel, product, price string) error {
	m := amqp.Publishing{Type: product, ContentType: "text/plain", Body: []byte(price)}
	if err := ch.PublishWithContext(ctx, exchange, "", false, false, m); err != nil {
		return fmt.Errorf("publish the price of %s: %w", product, err)
	}
	return nil
}

func text(prices map[string]string) string {
	line := ""
	for _, product := range products {
		line += fmt.Sprintf("%s %5s   ", product, prices[product])
	}
	return line[:len(line)-3]
}

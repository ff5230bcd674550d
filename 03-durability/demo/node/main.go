// Command node kills a node of a cluster and looks at two queues that were on it: a classic one and a quorum queue. It asks for
// three nodes of its own: of the RabbitMQ of `workshop up`, or of minirabbit, whose clusters have quorum queues only.
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
	"warren.example/workshop/broker/mini"
)

// electionLimit is how long a queue may take to find a new leader.
const electionLimit = 30 * time.Second

func main() {
	flag.Parse() // there are none: --help and a wrong one end here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

// run puts an order into each queue, kills the node that both are on, and asks another node for them.
func run(ctx context.Context, stdout, stderr io.Writer) error {
	source, err := mini.Find(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	if !mini.IsStandIn(source.Name()) {
		fmt.Fprintln(stderr, "three nodes that find each other: about half a minute …")
	}
	lease, err := source.Lease(ctx, broker.Request{Kind: broker.Cluster, For: "demo node"})
	if err != nil {
		return fmt.Errorf("a cluster: %w", err)
	}
	defer lease.Release()
	nodes := lease.Nodes()
	fmt.Fprintf(stdout, "%s, %d nodes\n", source.Name(), len(nodes))

	var kinds []string // that there are
	for _, kind := range []string{"classic", "quorum"} {
		err := put(ctx, nodes[0], kind)
		if refusal := (*amqp.Error)(nil); errors.As(err, &refusal) && refusal.Code == amqp.NotImplemented {
			fmt.Fprintf(stdout, "node 1: no %s queue in this cluster; a RabbitMQ has them: make up\n", kind)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s queue: %w", kind, err)
		}
		kinds = append(kinds, kind)
		fmt.Fprintf(stdout, "node 1: order-7 is in a %s queue, confirmed\n", kind)
	}
	if err := nodes[0].Kill(ctx); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "node 1 is gone")
	for _, kind := range kinds {
		order, err := take(ctx, nodes[1], kind)
		if err != nil {
			order = err.Error()
		}
		fmt.Fprintf(stdout, "node 2, %-7s queue: %s\n", kind, order)
	}
	return ctx.Err()
}

// put declares a queue and stores an order in it. A queue's first leader is the node on which it was declared.
func put(ctx context.Context, n broker.Node, kind string) error {
	return channel(n, func(ch *amqp.Channel) error {
		queue := "demo.node." + kind
		if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
			return err
		}
		if err := ch.Confirm(false); err != nil {
			return err
		}
		order := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("order-7")}
		confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, order)
		if err != nil {
			return err
		}
		acked, err := confirm.WaitContext(ctx)
		if err == nil && !acked {
			err = errors.New("not stored")
		}
		return err
	})
}

// take takes the order out of a queue. While a quorum queue elects a leader it answers nothing, so it waits for a while.
func take(ctx context.Context, n broker.Node, kind string) (order string, err error) {
	ctx, cancel := context.WithTimeout(ctx, electionLimit)
	defer cancel()
	err = channel(n, func(ch *amqp.Channel) error {
		deliveries, err := ch.Consume("demo.node."+kind, "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		select {
		case d, ok := <-deliveries:
			if !ok {
				return errors.New("the channel was closed")
			}
			order = string(d.Body)
			return d.Ack(false)
		case <-ctx.Done():
			return fmt.Errorf("nothing came: %w", context.Cause(ctx))
		}
	})
	return order, err
}

// channel runs a function with a channel to one node, on a connection of its own, and closes both.
func channel(n broker.Node, use func(*amqp.Channel) error) error {
	conn, err := amqp.Dial(n.Info().AMQP)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	return use(ch)
}

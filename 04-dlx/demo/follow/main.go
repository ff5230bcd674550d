// Command follow goes with one order that can't be shipped through all the queues it dies in, and reads its x-death aloud at
// each station: refused, among the dead letters, waiting for another try, back, refused again, parked.
//
// RabbitMQ moves it from queue to queue. With -copy the program that looks at dead letters moves it instead: it publishes a
// copy for the next try, and acks the dead letter.
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

	"warren.example/04-dlx/demo/stage"
)

// The queues. Each but the last leads to the next; the third also to the first.
const (
	orders = "demo.orders" // rejected: to dead
	dead   = "demo.dead"   // rejected: to retry
	retry  = "demo.retry"  // expired: back to orders
	parked = "demo.parked"
	watch  = "demo.watch" // gets a copy of what comes to retry: to look into a queue is to take something out
	deaths = "demo.deaths"

	tries    = 2                // at shipping the order; then it is parked
	patience = 30 * time.Second // for a message that should come
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "follow:", err)
		os.Exit(1)
	}
}

// run follows an order until it is parked.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("follow", flag.ContinueOnError)
	flags.SetOutput(stderr)
	byCopy := flags.Bool("copy", false, "send it to another try by publishing a copy, not by rejecting the dead letter")
	pause := flags.Duration("pause", 500*time.Millisecond, "how long the order waits for another try")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *pause < time.Millisecond {
		return errors.New("-pause: a millisecond at least")
	}

	s, err := stage.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	j, err := begin(s, *pause)
	if err != nil {
		return err
	}
	j.out, j.byCopy = stdout, *byCopy
	fmt.Fprintf(stdout, "%s, order-7: its carrier doesn't answer\n", s.Name)
	return j.follow(ctx)
}

// A journey is that of one order.
type journey struct {
	*stage.Stage
	out      io.Writer
	byCopy   bool
	pause    time.Duration
	shipping <-chan amqp.Delivery // of orders
	grave    <-chan amqp.Delivery // of dead
	watcher  <-chan amqp.Delivery // of watch
	station  int
}

// begin declares the queues. All dead letters go through one exchange, so that watch can have a copy.
func begin(s *stage.Stage, pause time.Duration) (*journey, error) {
	if err := s.Exchange(deaths, amqp.ExchangeDirect); err != nil {
		return nil, err
	}
	leads := func(to string) amqp.Table {
		return amqp.Table{"x-dead-letter-exchange": deaths, "x-dead-letter-routing-key": to}
	}
	waits := leads(orders)
	waits["x-message-ttl"] = pause.Milliseconds()
	for _, q := range []struct {
		name string
		args amqp.Table
	}{{orders, leads(dead)}, {dead, leads(retry)}, {retry, waits}, {parked, nil}, {watch, nil}} {
		if err := s.Declare(q.name, q.args); err != nil {
			return nil, err
		}
		key := q.name
		if q.name == watch {
			key = retry
		}
		if err := s.QueueBind(q.name, key, deaths, false, nil); err != nil {
			return nil, err
		}
	}
	j := &journey{Stage: s, pause: pause}
	var errs [3]error
	j.shipping, errs[0] = s.Consume(orders)
	j.grave, errs[1] = s.Consume(dead)
	j.watcher, errs[2] = s.Consume(watch)
	return j, errors.Join(errs[:]...)
}

// follow sends the order off and goes with it until it is parked.
func (j *journey) follow(ctx context.Context) error {
	if err := j.Put(ctx, orders, stage.Order("order-7")); err != nil {
		return err
	}
	for try := 1; ; try++ {
		d, err := stage.Next(ctx, j.shipping, patience)
		if err != nil {
			return fmt.Errorf("%s: %w", orders, err)
		}
		j.says(orders, d.Headers, fmt.Sprintf("Try %d fails: rejected.", try))
		if err := d.Reject(false); err != nil {
			return err
		}

		if d, err = stage.Next(ctx, j.grave, patience); err != nil {
			return fmt.Errorf("%s: %w", dead, err)
		}
		if try == tries {
			return j.park(ctx, d)
		}
		if err := j.again(ctx, d); err != nil {
			return err
		}
	}
}

// again sends a dead letter to another try, and tells of it when it waits there.
func (j *journey) again(ctx context.Context, d amqp.Delivery) error {
	if j.byCopy {
		j.says(dead, d.Headers, "It may be better later: a copy is published, this one acked.")
		order := stage.Order(d.MessageId)
		order.Headers = d.Headers
		if err := j.Put(ctx, retry, order); err != nil {
			return err
		}
		if err := d.Ack(false); err != nil { // only now: a copy is stored
			return err
		}
		j.says(retry, d.Headers, fmt.Sprintf("Nobody consumes here. It waits for %v.", j.pause))
		return nil
	}

	j.says(dead, d.Headers, "It may be better later: rejected again, to the next queue.")
	if err := d.Reject(false); err != nil {
		return err
	}
	waiting, err := stage.Next(ctx, j.watcher, patience)
	if err != nil {
		return fmt.Errorf("%s: %w", watch, err)
	}
	j.says(retry, waiting.Headers, fmt.Sprintf("Nobody consumes here. It waits for %v.", j.pause))
	return waiting.Ack(false)
}

// park puts a dead letter where people look after it: first the copy is stored, then the dead letter is acked.
func (j *journey) park(ctx context.Context, d amqp.Delivery) error {
	j.says(dead, d.Headers, fmt.Sprintf("%d tries are enough: parked, by a copy.", tries))
	order := stage.Order(d.MessageId)
	order.Headers = d.Headers
	if err := j.Put(ctx, parked, order); err != nil {
		return err
	}
	if err := d.Ack(false); err != nil {
		return err
	}
	last, ok, err := j.Get(parked, false)
	if err == nil && !ok {
		err = errors.New("it isn't there")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", parked, err)
	}
	j.says(parked, last.Headers, "Somebody looks at it, calls the carrier, and replays it.")
	return last.Ack(false)
}

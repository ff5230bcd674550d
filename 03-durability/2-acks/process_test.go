package acks_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
)

const panics = "WARREN_ACKS_PANIC" // the child's handle panics

func TestMain(m *testing.M) { child.Main(m, beChild) }

// beChild consumes, in a process that is killed. It says when it has begun with an order, and never ends.
func beChild(ctx context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	return acks.Consume(ctx, conn, queue, func(_ context.Context, d amqp.Delivery) acks.Verdict {
		if ch, err := conn.Channel(); err == nil { // has its answer after all that Consume has written
			_ = ch.Close()
		}
		fmt.Printf("%s begins\n", d.Body)
		if os.Getenv(panics) != "" {
			panic("the handle panics")
		}
		select {}
	})
}

// start starts a process that consumes, and waits until it has begun with order-7.
func (s *stage) start(t *testing.T, env ...string) *child.Child {
	t.Helper()
	c := child.Start(t, s.lab, env...)
	s.lab.Soon(func() bool { return len(c.Said()) > 0 || c.Gone() })
	said := c.Said()
	s.lab.Check(len(said) > 0 && said[0] == "order-7 begins", lab.Claim{
		Saw:  fmt.Sprintf("a process that consumes, and should say \"order-7 begins\", said %q (over: %v)", said, c.Gone()),
		Want: "Consume hands the order to handle",
		Wire: s.story(),
		Read: about,
	})
	return c
}

func TestKilledProcessLosesNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8")
	c := s.start(t)
	s.sentAhead(2)
	s.lab.Note("kill -9")

	c.Kill()

	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	s.rest(2, lab.Claim{
		Saw: fmt.Sprintf("a process was killed while it handled order-7, and order-8 was sent ahead: the queue has %d orders",
			s.lab.Depth(queue)),
		Want: "both",
		Why:  "power cuts, the kernel's out-of-memory killer, kill -9: no defer runs, and a paid order is never packed",
		Wire: s.story(),
	})
}

func TestPanicLosesNothing(t *testing.T) {
	s := newStage(t, "order-7")
	c := s.start(t, panics+"=1")
	// Either the process dies of it, or it takes the order again, or Consume returns.
	s.lab.Await("a process that is gone, or goes on", func() bool {
		return c.Gone() || len(c.Said()) > 1 || s.lab.Depth(queue)+s.lab.Unacked(queue) == 0
	})
	err, over := c.Ended()
	hidden := over && err == "<nil>"

	c.Kill()

	s.lab.Check(!hidden, lab.Claim{
		Saw:  "the handle of order-7 panicked, and Consume returned nil",
		Want: "a panic goes on, or becomes an error: nil says that ctx ended and all went well",
		Why:  "the program exits quietly, nobody starts it again, and nobody learns why",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	s.rest(1, lab.Claim{
		Saw:  fmt.Sprintf("the handle of order-7 panicked, and the queue has %d orders", s.lab.Depth(queue)),
		Want: "one: order-7. Its handle has said nothing, so nobody acks for it",
		Why:  "a nil pointer in the new version, and each order that it meets is gone, marked as done",
		Wire: s.story(),
	})
}

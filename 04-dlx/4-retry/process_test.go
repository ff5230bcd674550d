package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/4-retry"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
	"warren.example/workshop/tap"
)

func TestMain(m *testing.M) { child.Main(m, beChild) }

// beChild fails to handle one message of the queue and retries it, in a process that is killed.
func beChild(ctx context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	d, ok, err := ch.Get(queue, false)
	if err != nil || !ok {
		return errors.Join(err, errors.New("nothing to handle"))
	}
	plan := retry.Plan{Queue: queue, Steps: []time.Duration{time.Hour, 2 * time.Hour}}
	if err := plan.Retry(ctx, conn, d, errStock, 0.5); err != nil {
		return err
	}
	fmt.Println("Retry returned nil")
	select {} // until it is killed: an end of its own would send what a kill does not
}

func TestKilledProcessLosesNothing(t *testing.T) {
	acks := tap.Filter{From: tap.Client, Method: "basic.ack"}
	for moment, on := range map[string]tap.Filter{
		"while the message was on its way to the next queue": publishes,
		"while its ack was on its way":                       acks,
	} {
		t.Run(moment, func(t *testing.T) {
			s := newStage(t)
			s.lab.Put("", queue, order("order-7", nil))
			lost := s.lab.Tap.Add(tap.Drop{On: tap.Trigger{Filter: on, Nth: 1}})
			c := child.Start(t, s.lab)
			over := func() bool { _, ended := c.Ended(); return ended || c.Gone() || len(c.Said()) > 0 }
			s.lab.Soon(func() bool { return lost.Struck() > 0 || over() })
			s.lab.Settle()
			s.lab.Note("kill -9")

			c.Kill()

			s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Unacked(queue) == 0 && len(s.lab.Connections()) == 0 })
			next := s.waiting()[0]
			s.lab.Soon(func() bool { return s.lab.Depth(queue) > 0 })
			back, sent := s.lab.Depth(queue), s.lab.Depth(next)
			claim := lab.Claim{Wire: s.story(), Read: read}
			claim.Saw = fmt.Sprintf("a process was killed %s: %s has order-7 %d times, %s %d times", moment, queue, back, next, sent)
			claim.Want = "it is in one of them, or in both: in the next queue first, and acked then"
			claim.Why = "a deployment ends the process just here, and a paid order is in no queue, no log, and nobody's hands"
			s.lab.Check(back+sent > 0, claim)

			claim.Want = "it was sent, and then acked, once"
			claim.Why = "the process did something else at this moment"
			s.lab.Check(lost.Struck() > 0 && back == 1 && sent <= 1, claim)
		})
	}
}

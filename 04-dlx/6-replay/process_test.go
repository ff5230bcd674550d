package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
	"warren.example/workshop/tap"
)

func TestMain(m *testing.M) { child.Main(m, beChild) }

// beChild replays, in a process that is killed.
func beChild(ctx context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	n, err := replay.Replay(ctx, conn, dead, 10)
	if err == nil {
		fmt.Printf("Replay returned %d\n", n)
	}
	return err
}

// The process is killed while order-3 is on its way: it never arrives.
func TestKilledProcessLosesNothing(t *testing.T) {
	s := newStage(t)
	all := []string{"order-1", "order-2", "order-3"}
	s.dies(inventory, all...)
	begun := s.now()
	lost := s.lab.Tap.Add(tap.Drop{On: publishing(3)})
	c := child.Start(t, s.lab)
	s.lab.Soon(func() bool {
		return lost.Struck() > 0 && s.acked(begun) >= 2 || len(c.Said()) > 0 || c.Gone()
	})
	said := c.Said()
	ended, over := c.Ended()
	acked := s.acked(begun)
	s.lab.Note("kill -9")
	wire := s.story()

	c.Kill()

	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Unacked(dead) == 0 && len(s.lab.Connections()) <= 1 })
	s.lab.Soon(func() bool { return s.lab.Depth(dead) >= 3-acked })
	left, back := s.ids(dead), s.ids(inventory)
	saw := "a process was killed while order-3 was on its way"
	s.missing(all, left, back, lab.Claim{
		Saw:  saw,
		Want: "what is not confirmed is in the dead letter queue still",
		Wire: wire,
	})
	s.lab.Check(!over, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ had not confirmed order-3, and Replay was over (error: %s; the process said %q)", ended, said),
		Want: "Replay waits for the confirm",
		Wire: wire,
		Read: about,
	})
	s.lab.Check(slices.Equal(left, []string{"order-3"}), lab.Claim{
		Saw:  fmt.Sprintf("%s; dead are %q, back are %q", saw, left, back),
		Want: "order-1 and order-2 were confirmed long ago: they are not dead any more",
		Why:  "the next replay sends all of it a second time: not one customer gets two teapots, but a thousand",
		Wire: wire,
		Read: about,
	})
}

package idempotent_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/5-idempotent"
	"warren.example/05-ordering/database"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
	"warren.example/workshop/tap"
)

const commands = "inventory.commands"

// The environment of a child.
const (
	envPath  = "WARREN_IDEMPOTENT_DATABASE"
	envHangs = "WARREN_IDEMPOTENT_HANGS" // not empty: effect does its work, says so, and does not return
)

func TestMain(m *testing.M) { child.Main(m, beChild) }

// beChild is the inventory, in a process that is killed.
func beChild(ctx context.Context, url string) error {
	db, err := database.Open(os.Getenv(envPath))
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	effect := reserve
	if os.Getenv(envHangs) != "" {
		effect = hang
	}
	return consume(ctx, conn, commands, db, effect)
}

// hang reserves, and does not return.
func hang(m idempotent.Message) idempotent.Effect {
	return func(ctx context.Context, tx *sql.Tx) error {
		if err := reserve(m)(ctx, tx); err != nil {
			return err
		}
		fmt.Println("reserved", string(m.Body))
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestKilledProcessDoesItOnce(t *testing.T) {
	t.Run("in the middle of its effect", func(t *testing.T) {
		s := newStage(t)
		s.lab.Declare(commands, nil)
		s.send(commands, "order-7")
		c := child.Start(t, s.lab, envPath+"="+s.path, envHangs+"=yes")
		s.lab.Soon(func() bool { return len(c.Said()) > 0 || c.Gone() })
		s.kill(c, "order-7", "the process was killed when effect had reserved order-7 and had not returned")
	})
	t.Run("before RabbitMQ has its ack", func(t *testing.T) {
		s := newStage(t)
		s.lab.Declare(commands, nil)
		s.send(commands, "order-9")
		lost := s.lab.Tap.Add(tap.Drop{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.ack"}}})
		c := child.Start(t, s.lab, envPath+"="+s.path)
		s.lab.Soon(func() bool { return lost.Struck() > 0 || len(c.Said()) > 0 || c.Gone() })
		lost.Remove()
		s.kill(c, "order-9", "the process was killed when order-9 was done, and its ack on the way")
	})
}

func ofMessages(e tap.Event) bool { return e.Name() == "basic.deliver" || e.Name() == "basic.ack" }

// kill ends a child as kill -9 does, and finishes its work.
func (s *stage) kill(c *child.Child, order, before string) {
	c.Said() // work that is not done ends the test here
	err, over := c.Ended()
	s.lab.Check(!over, lab.Claim{
		Saw:  "the inventory, in a process of its own, has ended with the error: " + err,
		Want: "it works until it is killed",
		Read: read,
	})
	c.Kill()
	s.finish(commands, order, before, s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: ofMessages})...))
}

package quorum_test

import (
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/6-quorum"
	"warren.example/workshop/lab"
)

func TestQueueIsReplicated(t *testing.T) {
	s := newStage(t, doors)
	s.mustDeclare()

	s.lab.Check(s.lab.Exists(queue), lab.Claim{
		Saw: "Declare returned nil, and there is no queue " + queue, Want: "the queue",
	})
	q := s.lab.Queue(queue)
	s.lab.Check(q.Type == "quorum", lab.Claim{
		Saw:  fmt.Sprintf("the queue is of type %s", q.Type),
		Want: "a quorum queue: it has copies on several nodes",
		Why: "a classic queue lives on one node. While that is down there is no queue for new orders, and if its disk is gone, " +
			"so are all that waited",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	})
	_, few := q.Arguments["x-quorum-initial-group-size"]
	s.lab.Check(!few, lab.Claim{
		Saw:  fmt.Sprintf("the queue was declared with %v", q.Arguments),
		Want: "as many copies as RabbitMQ makes by itself",
		Why:  "with one copy it is a quorum queue by name: with that node dies the queue; with two, both have to live",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	})
}

func TestRedeliveryIsLimited(t *testing.T) {
	s := newStage(t, doors)
	s.mustDeclare()

	limit := s.lab.Queue(queue).Arguments["x-delivery-limit"]
	_, text := limit.(string)
	s.lab.Check(!text, lab.Claim{
		Saw:  fmt.Sprintf("the queue's x-delivery-limit is the text %q", limit),
		Want: "a number",
		Why:  "RabbitMQ takes the text without a word, and there is no such limit: it shows in the management UI, and does nothing",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	})
	s.lab.Check(fmt.Sprint(limit) == fmt.Sprint(quorum.DeliveryLimit), lab.Claim{
		Saw:  fmt.Sprintf("the queue's x-delivery-limit is %v; it was declared with %v", limit, s.lab.Queue(queue).Arguments),
		Want: fmt.Sprintf("x-delivery-limit %d, said by the queue itself", quorum.DeliveryLimit),
		Why: "on RabbitMQ 3 an order that kills its handler comes back for ever and holds up all others; on RabbitMQ 4 it is " +
			"dropped after 20 times, because of a number that nobody here ever wrote down",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	})
}

func TestOrdersWaitAsLongAsItTakes(t *testing.T) {
	s := newStage(t, doors)
	s.mustDeclare()

	args := s.lab.Queue(queue).Arguments
	claim := lab.Claim{
		Saw:  fmt.Sprintf("the queue was declared with %v", args),
		Want: "no limit but that of redeliveries",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	}
	for name, why := range map[string]string{
		"x-expires":              "the inventory is down for a weekend: nobody uses the queue, and RabbitMQ deletes all its copies",
		"x-message-ttl":          "the inventory is down for a weekend: the orders get too old, and RabbitMQ throws them away",
		"x-max-length":           "on a busy day RabbitMQ drops the oldest orders, all confirmed by a majority, to make room",
		"x-max-length-bytes":     "on a busy day RabbitMQ drops the oldest orders, all confirmed by a majority, to make room",
		"x-max-in-memory-length": "newer RabbitMQs ignore it: what was to keep the memory small does nothing after an update",
		"x-max-in-memory-bytes":  "newer RabbitMQs ignore it: what was to keep the memory small does nothing after an update",
	} {
		claim.Why = why
		s.lab.Check(args[name] == nil, claim)
	}
}

func TestConflictIsAnError(t *testing.T) {
	s := newStage(t, doors)
	s.mustDeclare()
	s.mustDeclare() // every service declares at its start
	s.lab.DeleteQueue(queue)
	s.lab.Declare(queue, amqp.Table{"x-queue-type": "classic"}) // it was made last year
	s.lab.Publish(queue, "an order of yesterday")

	err := s.declare()

	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why:  "the service believes that its orders are on three nodes, and they are on one",
		Wire: s.told("queue.declare", "queue.delete", "channel.close"),
		Read: "03-durability/README.md#quorum",
	}
	claim.Saw = "there is a classic queue of that name, and Declare returned nil"
	s.lab.Error(err, claim)
	var refusal *amqp.Error
	claim.Saw = fmt.Sprintf("there is a classic queue of that name, and Declare's error doesn't say so: %v", err)
	s.lab.Check(errors.As(err, &refusal) && refusal.Code == amqp.PreconditionFailed, claim)
	s.lab.Check(s.lab.Exists(queue) && s.lab.Depth(queue) == 1, lab.Claim{
		Saw:  "there was a classic queue with a message in it, and the message is gone",
		Want: "what is there stays",
	})
}

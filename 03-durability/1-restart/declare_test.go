package restart_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/1-restart"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestOrderWaitsInTheQueue(t *testing.T) {
	s := newStage(t, lab.Config{})

	s.mustDeclare()
	s.mustStore(7)

	s.lab.Check(s.lab.Exists(restart.Queue), lab.Claim{
		Saw:  "Declare returned nil, and there is no queue " + restart.Queue,
		Want: "the queue " + restart.Queue,
		Read: "03-durability/README.md#durable",
	})
	s.lab.Check(s.lab.Depth(restart.Queue) == 1, lab.Claim{
		Saw:  fmt.Sprintf("Store returned nil for one order, and %s has %d", restart.Queue, s.lab.Depth(restart.Queue)),
		Want: "one: the exchange leads the order to the queue",
		Why:  "RabbitMQ acks what no queue takes: the order is confirmed, and thrown away",
		Wire: s.told("queue.bind", "basic.publish", "basic.ack"),
		Read: "03-durability/README.md#durable",
	})
	m := s.lab.Get(restart.Queue)
	var got restart.Order
	err := json.Unmarshal(m.Body, &got)
	s.lab.Check(err == nil && got == order(7), lab.Claim{
		Saw:  fmt.Sprintf("%+v went in, %s came out", order(7), m.Body),
		Want: "the order as JSON",
		Why:  "the inventory does not understand what it was sent",
	})
	s.lab.Check(m.Exchange == restart.Exchange, lab.Claim{
		Saw:  fmt.Sprintf("the order came through exchange %q", m.Exchange),
		Want: "through " + restart.Exchange,
		Why:  "an exchange can be given another queue for a copy; who publishes past it is not heard there",
		Read: "03-durability/README.md#durable",
	})
	s.lab.Check(!s.ch.IsClosed(), lab.Claim{
		Saw: "Store returned nil, and its caller's channel is closed", Want: "ch stays open: it is the caller's",
	})
}

func TestNothingGoesWithItsUsers(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	s.mustStore(7)

	if err := s.conn.Close(); err != nil { // the one who declared goes home
		s.lab.Failf("close the connection: %v", err)
	}
	s.lab.Check(s.lab.Exists(restart.Queue), lab.Claim{
		Saw:  "the service that called Declare has stopped, and there is no queue " + restart.Queue,
		Want: "the queue stays",
		Why:  "the queue belongs to one connection: no other service can use it, and it goes with each deployment",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#durable",
	})
	inventory := s.lab.Channel()
	if _, err := inventory.Consume(restart.Queue, "inventory", false, false, false, false, nil); err != nil {
		s.lab.Failf("consume: %v", err)
	}
	if err := inventory.Cancel("inventory", false); err != nil {
		s.lab.Failf("stop consuming: %v", err)
	}
	if err := inventory.Close(); err != nil {
		s.lab.Failf("close the inventory's channel: %v", err)
	}
	s.lab.Check(s.lab.Exists(restart.Queue), lab.Claim{
		Saw:  "the inventory stopped, and the queue went with its last consumer",
		Want: "the queue stays, and what waits in it",
		Why:  "the inventory is restarted, for an update: all waiting orders are gone",
		Wire: s.told("queue.declare", "basic.consume", "basic.cancel"),
		Read: "03-durability/README.md#durable",
	})
	if err := s.lab.Channel().QueueUnbind(restart.Queue, restart.Key, restart.Exchange, nil); err != nil {
		s.lab.Failf("unbind: %v", err)
	}
	s.lab.Check(s.exchange() == nil, lab.Claim{
		Saw:  "somebody took away a binding, and the exchange went with it",
		Want: "the exchange stays",
		Why:  "each publish is an error now, that closes the channel (404), until some service is started anew",
		Wire: s.told("exchange.declare", "queue.unbind"),
		Read: "03-durability/README.md#durable",
	})
}

func TestOrdersWaitAsLongAsItTakes(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	s.mustStore(7)

	args := s.lab.Queue(restart.Queue).Arguments
	claim := lab.Claim{
		Saw:  fmt.Sprintf("the queue was declared with %v", args),
		Want: "a queue that stays, with all that was confirmed in it",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#durable",
	}
	claim.Why = "the inventory is down for a weekend: nobody uses the queue, and RabbitMQ deletes it with all orders"
	s.lab.Check(args["x-expires"] == nil, claim)
	claim.Why = "the inventory is down for a weekend: the orders get too old, and RabbitMQ throws them away"
	s.lab.Check(args["x-message-ttl"] == nil, claim)
	claim.Why = "on a busy day RabbitMQ drops the oldest orders, all confirmed, to make room for new ones"
	overflow, _ := args["x-overflow"].(string)
	refuses := strings.HasPrefix(overflow, "reject-publish")
	s.lab.Check(refuses || args["x-max-length"] == nil && args["x-max-length-bytes"] == nil, claim)
	m := s.lab.Get(restart.Queue)
	s.lab.Check(m.Expiration == "", lab.Claim{
		Saw:  fmt.Sprintf("the order expires after %s ms", m.Expiration),
		Want: "no expiration",
		Why:  "the inventory is down for a weekend: the orders get too old, and RabbitMQ throws them away",
	})
}

func TestDeclareAgainKeepsWhatWaits(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.mustDeclare()
	s.mustStore(7)

	s.mustDeclare() // another service starts

	ids := s.waiting()
	s.lab.Check(slices.Equal(ids, []string{"order-7"}), lab.Claim{
		Saw:  fmt.Sprintf("order-7 waited, Declare was called once more, and the queue holds %v", ids),
		Want: "order-7: what is there stays as it is",
		Why:  "each start of any service throws away what waits",
		Wire: s.told("queue.declare", "queue.delete", "queue.purge", "exchange.delete"),
		Read: "03-durability/README.md#durable",
	})
	admin := s.lab.Channel()
	err := admin.ExchangeDeclare(restart.Exchange, amqp.ExchangeDirect, true, false, false, false, nil)
	s.lab.Check(err == nil, lab.Claim{
		Saw:  fmt.Sprintf("another service declares %s, durable and direct, and RabbitMQ refuses: %v", restart.Exchange, err),
		Want: "the exchange as it was agreed: durable, and of type direct",
		Why:  "whoever comes first decides what it is, and the other services don't start",
		Wire: s.told("exchange.declare"),
		Read: "03-durability/README.md#durable",
	})
	s.mustStore(8)
	ids = s.waiting()
	s.lab.Check(slices.Equal(ids, []string{"order-8"}), lab.Claim{
		Saw:  fmt.Sprintf("Declare was called twice, order-8 was stored, and the queue holds %v", ids),
		Want: "order-8, once",
	})
}

func TestConflictIsAnError(t *testing.T) {
	s := newStage(t, lab.Config{})
	s.lab.Declare(restart.Queue, amqp.Table{"x-max-length": 10}) // somebody else wanted the queue to be short
	s.lab.Publish(restart.Queue, "an order of yesterday")
	s.refused("the queue", s.declare())
	s.lab.Check(s.lab.Exists(restart.Queue) && s.lab.Depth(restart.Queue) == 1, lab.Claim{
		Saw:  "the queue was there with other properties and a message in it, and the message is gone",
		Want: "what is there stays: a person has to decide what becomes of it",
		Why:  "somebody changes a line of the definition, and the start of the service throws away what waits",
		Wire: s.told("queue.declare", "queue.delete"),
		Read: "03-durability/README.md#durable",
	})

	s.lab.DeleteQueue(restart.Queue)
	admin := s.lab.Channel()
	if err := admin.ExchangeDelete(restart.Exchange, false, false); err != nil {
		s.lab.Failf("delete the exchange: %v", err)
	}
	if err := admin.ExchangeDeclare(restart.Exchange, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		s.lab.Failf("declare the exchange: %v", err)
	}
	s.connect()
	s.refused("the exchange", s.declare())
}

// refused claims that Declare's error tells of the conflict.
func (s *stage) refused(what string, err error) {
	claim := lab.Claim{
		Want: "an error that wraps RabbitMQ's *amqp.Error, with code 406",
		Why: "the service runs on something else than it believes: a restart loses what it thinks is safe, and the one " +
			"sentence that says so was thrown away",
		Wire: s.told("exchange.declare", "queue.declare", "queue.bind", "channel.close"),
		Read: "03-durability/README.md#durable",
	}
	deaf := s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		switch m := e.Method.(type) {
		case *wire.ExchangeDeclare:
			return m.NoWait
		case *wire.QueueDeclare:
			return m.NoWait
		}
		return false
	}})
	s.lab.Check(len(deaf) == 0, lab.Claim{
		Saw:  "Declare declared without waiting for the answer (no-wait)",
		Want: claim.Want + ": the answer has to be asked for",
		Why:  "the refusal comes later, to whoever uses the channel next, if to anybody: a matter of luck",
		Wire: s.lab.Wire(deaf...),
		Read: claim.Read,
	})
	claim.Saw = what + " is there with other properties, and Declare returned nil"
	s.lab.Error(err, claim)
	var refusal *amqp.Error
	claim.Saw = fmt.Sprintf("%s is there with other properties, and Declare's error doesn't say so: %v", what, err)
	s.lab.Check(errors.As(err, &refusal) && refusal.Code == amqp.PreconditionFailed, claim)
}

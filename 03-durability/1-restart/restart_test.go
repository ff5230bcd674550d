package restart_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"warren.example/03-durability/1-restart"
	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// own is a broker that may be stopped and killed. Such a test takes some seconds on a real one.
var own = lab.Config{Kind: broker.Own}

// restart is an update of RabbitMQ: it ends in good order, and the service with it, and both start again.
func (s *stage) restart() {
	if err := s.lab.Nodes[0].Stop(context.Background()); err != nil {
		s.lab.Failf("stop RabbitMQ: %v", err)
	}
	s.lab.Note("RabbitMQ was restarted, as for an update")
	s.up()
}

// up starts the broker again, and the service with it.
func (s *stage) up() {
	if err := s.lab.Nodes[0].Start(context.Background()); err != nil {
		s.lab.Failf("start RabbitMQ again: %v", err)
	}
	s.connect()
}

func TestOrdersOutliveARestart(t *testing.T) {
	s := newStage(t, own)
	s.mustDeclare()
	s.mustStore(1, 2, 3)
	s.restart()

	s.lab.Check(s.lab.Exists(restart.Queue), lab.Claim{
		Saw:  "three orders were stored, RabbitMQ was restarted, and there is no queue " + restart.Queue,
		Want: "the queue is there",
		Why:  "an update in the night, and all orders that waited are gone, with the place they waited in",
		Wire: s.told("queue.declare", "note"),
		Read: "03-durability/README.md#durable",
	})
	s.lab.Check(s.exchange() == nil, lab.Claim{
		Saw:  "RabbitMQ was restarted, and there is no exchange " + restart.Exchange,
		Want: "the exchange is there, and so is the binding",
		Why: "it took its bindings along: queue and orders are there, and until each service was restarted too, no new " +
			"order gets in",
		Wire: s.told("exchange.declare", "note"),
		Read: "03-durability/README.md#durable",
	})
	s.lab.Check(len(s.lab.Bindings()) == 1, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ was restarted, and the bindings are %v", s.lab.Bindings()),
		Want: fmt.Sprintf("one: %s leads from %s to %s", restart.Key, restart.Exchange, restart.Queue),
		Why:  "RabbitMQ acks what no queue takes: new orders are confirmed, and thrown away",
		Wire: s.told("exchange.declare", "queue.bind", "note"),
		Read: "03-durability/README.md#durable",
	})
	ids := s.waiting()
	s.lab.Check(slices.Equal(ids, []string{"order-1", "order-2", "order-3"}), lab.Claim{
		Saw:  fmt.Sprintf("order-1, order-2 and order-3 were stored, RabbitMQ was restarted, and the queue holds %v", ids),
		Want: "all three, in their order",
		Why: "a durable queue comes back, and its messages only if they were marked to be kept: the others are paid orders " +
			"that nobody will pack",
		Wire: s.confirms(),
		Read: "03-durability/README.md#persistent",
	})

	s.mustDeclare() // the service starts again, too
	s.mustStore(4)
	ids = s.waiting()
	s.lab.Check(slices.Equal(ids, []string{"order-4"}), lab.Claim{
		Saw:  fmt.Sprintf("after the restart order-4 was stored, and the queue holds %v", ids),
		Want: "order-4",
	})
}

func TestOrdersOutliveAKill(t *testing.T) {
	s := newStage(t, own)
	s.mustDeclare()
	// Up to RabbitMQ 4.2 what was declared stays in memory for some seconds, and a kill takes it along. What was confirmed is
	// on disk. So the declarations are older than the orders here.
	s.restart()
	s.mustDeclare()
	s.mustStore(1)
	s.lab.Fence(s.conn)                                     // order-1 has arrived
	cable := s.lab.Tap.Add(tap.BlackHole{On: publishing()}) // order-2 is still on its way when RabbitMQ dies

	call := s.store(2)
	s.published(call, cable)
	if err := s.lab.Nodes[0].Kill(context.Background()); err != nil {
		s.lab.Failf("kill RabbitMQ: %v", err)
	}
	s.lab.Note("RabbitMQ was killed")
	s.lab.Tap.CutAll()
	err := call.WaitOr(lab.Claim{
		Saw:  "RabbitMQ was killed and the connection is gone, and Store waits for an answer",
		Want: "an error: the answer can't come any more",
		Why:  "every request of the shop hangs here",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
	s.lab.Error(err, lab.Claim{
		Saw:  "Store returned nil for order-2, RabbitMQ was killed, and it never had the order",
		Want: "an error: nil means that RabbitMQ has confirmed the order",
		Why: "persistent says what RabbitMQ shall do with a message that it has. What was only written to the socket dies " +
			"with it, and the customer was told: ordered",
		Wire: s.confirms(),
		Read: "03-durability/README.md#confirm",
	})
	cable.Remove()
	s.up()

	s.lab.Check(s.lab.Exists(restart.Queue), lab.Claim{
		Saw:  "order-1 was stored, RabbitMQ was killed, and there is no queue " + restart.Queue,
		Want: "the queue is there",
		Read: "03-durability/README.md#durable",
	})
	ids := s.waiting()
	s.lab.Check(slices.Equal(ids, []string{"order-1"}), lab.Claim{
		Saw:  fmt.Sprintf("Store returned nil for order-1 alone, RabbitMQ was killed, and the queue holds %v", ids),
		Want: "order-1: what was confirmed is on disk before the confirm is sent",
		Why:  "a machine loses its power, and orders that were confirmed are gone",
		Wire: s.confirms(),
		Read: "03-durability/README.md#restart",
	})
}

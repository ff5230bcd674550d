package restart_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/1-restart"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// A stage is an empty broker, and a connection and a channel for Declare and Store.
type stage struct {
	lab  *lab.Lab
	conn *amqp.Connection
	ch   *amqp.Channel
}

// newStage takes a broker as c says. The zero value is enough where it isn't broken.
func newStage(t *testing.T, c lab.Config) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{lab: c.New(t)}
	s.connect()
	return s
}

// connect gives Declare and Store a new connection and channel: the service starts, or starts again.
func (s *stage) connect() {
	s.conn = s.lab.Dial()
	ch, err := s.conn.Channel()
	if err != nil {
		s.lab.Failf("open a channel: %v", err)
	}
	s.ch = ch
}

// order is the one with this number.
func order(n int) restart.Order {
	return restart.Order{ID: fmt.Sprint("order-", n), SKU: "teapot", Quantity: n}
}

// declare calls Declare and returns its error.
func (s *stage) declare() error {
	return s.lab.Do("Declare", func(context.Context) error { return restart.Declare(s.ch) })
}

// mustDeclare calls Declare where nothing stands in its way.
func (s *stage) mustDeclare() {
	s.lab.NoError(s.declare(), lab.Claim{
		Want: "nil: nothing speaks against the declarations",
		Why:  "the service doesn't start",
		Read: "03-durability/README.md#durable",
	})
}

// store starts Store.
func (s *stage) store(n int) *lab.Call {
	return s.lab.Go("Store", func(ctx context.Context) error { return restart.Store(ctx, s.ch, order(n)) })
}

// mustStore calls Store where nothing stands in its way.
func (s *stage) mustStore(numbers ...int) {
	for _, n := range numbers {
		s.lab.NoError(s.store(n).Wait(), lab.Claim{
			Want: "nil: RabbitMQ took the order and acked it",
			Why:  "the customer is told that the order failed, and orders again",
			Wire: s.confirms(),
			Read: "03-durability/README.md#restart",
		})
	}
}

// waiting takes all orders out of the queue and returns their ids.
func (s *stage) waiting() []string {
	ids := []string{}
	for _, m := range s.lab.Drain(restart.Queue) {
		var o restart.Order
		if err := json.Unmarshal(m.Body, &o); err != nil {
			s.lab.Fail(lab.Claim{
				Saw:  fmt.Sprintf("%q came out of the queue: %v", m.Body, err),
				Want: "the order as JSON",
			})
		}
		ids = append(ids, o.ID)
	}
	return ids
}

// exchange returns the error of asking for the exchange: nil if it is there.
func (s *stage) exchange() error {
	return s.lab.Channel().ExchangeDeclarePassive(restart.Exchange, amqp.ExchangeDirect, true, false, false, false, nil)
}

// published waits until a fault has met the order, and then until Store rests: who wants to return without waiting for the
// answer has done it.
func (s *stage) published(call *lab.Call, fault *tap.Rule) {
	s.lab.Soon(func() bool { return !call.Running() || fault.Struck() > 0 })
	s.lab.Settle()
}

// publishing is the next message.
func publishing() tap.Trigger {
	return tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}, Nth: 1}
}

// confirms is the part of the recording that tells of orders and of RabbitMQ's answers to them.
func (s *stage) confirms() string {
	return s.told("confirm.select", "basic.publish", "basic.ack", "basic.nack", "note", "disconnect")
}

// told is the part of the recording that has the given methods.
func (s *stage) told(methods ...string) string {
	return s.lab.Wire(s.lab.Tap.Recording().Find(tap.Filter{Where: func(e tap.Event) bool {
		for _, m := range methods {
			if e.Name() == m {
				return true
			}
		}
		return false
	}})...)
}

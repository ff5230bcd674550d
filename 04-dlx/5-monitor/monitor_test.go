package monitor_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/5-monitor"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// order.created goes to several queues and dies in each of them, under the same key.
func TestCountsByReasonAndQueue(t *testing.T) {
	s := newStage(t)
	s.queue("inventory.events", nil)
	s.lab.Declare("inventory.retry", amqp.Table{ // its dead go on to inventory.events
		"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "inventory.events",
	})
	for _, queue := range []string{orders, baskets, "inventory.retry"} {
		s.bind(queue, "order.created", "amq.topic")
	}
	call := s.watch()

	for range 2 {
		s.lab.Put("amq.topic", "order.created", amqp.Publishing{Body: []byte("order-7")})
	}
	heard := func(n int) func() bool {
		return func() bool { return total(s.counts()) >= n || !call.Running() || s.touches() != nil }
	}
	s.lab.Soon(heard(4)) // Watch's queue has room for five
	s.reject("inventory.events", 2)
	s.reject(stock+".priority", 1)

	want := map[monitor.Death]int{
		ofOrders: 2, ofBaskets: 2,
		{Reason: "rejected", Queue: "inventory.events"}:  2,
		{Reason: "rejected", Queue: stock + ".priority"}: 1,
	}
	s.lab.Soon(heard(7))
	counts := s.counts()
	s.lab.Check(maps.Equal(counts, want), lab.Claim{
		Saw: fmt.Sprintf("messages with the key order.created died in several queues, two of them after a wait in "+
			"inventory.retry; Counts: %+v", counts),
		Want: fmt.Sprintf("why and where each died last: %+v", want),
		Why:  "a human is called at night and told nothing, or sent to the wrong service",
		Wire: s.story(),
		Read: read,
	})
	counts[ofOrders] = 1000
	s.lab.Check(s.counts()[ofOrders] == 2, lab.Claim{
		Saw:  fmt.Sprintf("the caller of Counts wrote 1000 into what it got; then Counts says %d", s.counts()[ofOrders]),
		Want: "2: what Counts returns is the caller's, and Watch goes on counting in its own",
		Why:  "one goroutine reads a map while another writes it: Go ends the process",
		Wire: s.story(),
		Read: read,
	})
	s.stopped(call)
}

// reject takes n messages out of a queue and rejects them. What is not there is published.
func (s *stage) reject(queue string, n int) {
	if !s.lab.Exists(queue) {
		s.queue(queue, nil)
		for range n {
			s.lab.Publish(queue, "order-7")
		}
	}
	s.lab.Await("messages to reject", func() bool { return s.lab.Depth(queue) == n })
	ch := s.lab.Channel()
	for range n {
		d, ok, err := ch.Get(queue, false)
		if err != nil || !ok {
			s.lab.Failf("get a message of %s: %v, %v", queue, ok, err)
		}
		if err := d.Reject(false); err != nil {
			s.lab.Failf("reject a message of %s: %v", queue, err)
		}
	}
}

func total(counts map[monitor.Death]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Anybody can publish to shop.dead, and write into headers what they like.
func TestForeignLettersCountToo(t *testing.T) {
	s := newStage(t)
	call := s.watch()
	unread := 0

	for what, headers := range map[string]amqp.Table{
		"no headers":                   nil,
		"no x-death":                   {"trace": "7"},
		"an x-death that is a text":    {"x-death": "rejected"},
		"an x-death without an entry":  {"x-death": []any{}},
		"an x-death of texts":          {"x-death": []any{"rejected"}},
		"an x-death with other fields": {"x-death": []any{amqp.Table{"reason": int64(7), "queue": true}}},
	} {
		s.lab.Note("a message with %s", what)
		s.lab.Put(exchange, "order.created", amqp.Publishing{Headers: headers, Body: []byte("order-7")})
		unread++
		s.counted(call, monitor.Death{}, unread)
	}
	s.die(call, ofOrders, 1) // and Watch is still there
	s.stopped(call)
}

func TestDeadLetterQueueIsUntouched(t *testing.T) {
	s := newStage(t)
	for _, order := range []string{"order-1", "order-2", "order-3"} {
		s.lab.Publish(orders, order)
	}
	s.lab.Await("three dead letters", func() bool { return s.lab.Depth(dead) == 3 })
	call := s.watch()
	s.lab.Publish(orders, "order-4")
	s.lab.Await("four dead letters", func() bool { return s.lab.Depth(dead) == 4 || s.touches() != nil })
	s.tickAnyhow(call)
	s.lab.Settle()

	claim := lab.Claim{
		Want: "order-1 to order-4 are there, as they came, and nobody has had them",
		Why: "each look is a delivery: RabbitMQ 4 drops what came back to a quorum queue more than 20 times. And what a monitor takes, " +
			"no human sees",
		Wire: s.lab.Wire(s.touches()...),
		Read: read,
	}
	call.Stop()
	s.lab.Finished(call.Wait())
	s.lab.Soon(func() bool { return s.lab.Depth(dead) == 4 })
	left := s.lab.Drain(dead)
	claim.Saw = fmt.Sprintf("four orders went to %s beside Watch's own queue; %d are there", dead, len(left))
	s.lab.Check(len(left) == 4, claim)
	for i, d := range left {
		claim.Saw = fmt.Sprintf("in %s, place %d: %s, redelivered=%v", dead, i+1, d.Body, d.Redelivered)
		s.lab.Check(string(d.Body) == fmt.Sprintf("order-%d", i+1) && !d.Redelivered, claim)
	}
}

// tickAnyhow lets Tick send, if somebody listens by the time all is at rest.
func (s *stage) tickAnyhow(call *lab.Call) {
	for range 3 {
		s.lab.Settle()
		select {
		case s.tick <- s.time():
		case <-call.Done():
		default:
		}
	}
}

// RabbitMQ gets no acks from here on: Watch hangs, or its machine does.
func TestHangingWatchCostsNothing(t *testing.T) {
	s := newStage(t)
	call := s.watch()
	hung := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Where: func(e tap.Event) bool {
		return e.Name() == "basic.ack" || e.Name() == "basic.nack" || e.Name() == "basic.reject"
	}}}})
	claim := lab.Claim{
		Want: "5 are sent ahead (Backlog), 5 wait in Watch's queue (Backlog), the oldest of the others are dropped",
		Why:  "a monitor hangs over the weekend, and RabbitMQ, or the monitor itself, runs out of memory: it kills what it watches",
		Read: read,
	}

	const flood = 30
	ch := s.lab.Channel()
	if err := ch.Confirm(false); err != nil {
		s.lab.Failf("select confirm mode: %v", err)
	}
	for i := range flood {
		refused := s.publish(ch, fmt.Sprintf("order-%d", i+1))
		claim.Saw = fmt.Sprintf("no ack came from Watch; then RabbitMQ refused to take dead letter %d: %v", i+1, refused)
		claim.Wire = s.arguments()
		s.lab.Check(refused == nil, claim)
	}
	s.lab.Fence(s.conn)
	sent := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Broker, Method: "basic.deliver"})
	claim.Saw = fmt.Sprintf("%d messages died, no ack came from Watch, and it was sent %d", flood, sent)
	claim.Wire = s.arguments()
	s.lab.Check(sent <= backlog, claim)
	hung.Remove()
	s.die(call, ofOrders, 1) // behind all others
	n := s.counts()[monitor.Death{}]
	claim.Saw = fmt.Sprintf("%d messages died while no ack came from Watch; %d of them were kept for it", flood, n)
	s.lab.Check(n <= 2*backlog, claim)
	s.stopped(call)
}

// publish publishes a message to shop.dead, and returns an error if RabbitMQ refuses it.
func (s *stage) publish(ch *amqp.Channel, body string) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.lab.Patience(deadline))
	defer cancel()
	confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, exchange, "order.created", false, false,
		amqp.Publishing{Body: []byte(body)})
	if err != nil {
		s.lab.Failf("publish %s: %v", body, err)
	}
	acked, err := confirm.WaitContext(ctx)
	if err == nil && !acked {
		err = fmt.Errorf("basic.nack for %s", body)
	}
	return err
}

// arguments is what was said of Watch's queue and of acks.
func (s *stage) arguments() string {
	var told []tap.Event
	for _, method := range []string{"queue.declare", "basic.qos", "basic.consume"} {
		told = append(told, s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: method})...)
	}
	return s.lab.Wire(told...)
}

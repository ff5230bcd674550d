package monitor_test

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/5-monitor"
	"warren.example/workshop/lab"
)

func TestManyDeathsAreOneAlert(t *testing.T) {
	s := newStage(t)
	call := s.watch()

	s.die(call, ofOrders, limit)
	s.die(call, ofStock, limit+1)
	s.tells("4 died in order.commands, then 5 in inventory.commands (Limit 4)", many(ofStock))
	s.die(call, ofOrders, 20)
	s.die(call, ofBaskets, limit+1)
	s.tells("20 more died in order.commands, then 5 in order.baskets", many(ofStock), many(ofOrders), many(ofBaskets))
	s.stopped(call)
}

func TestWindowSlides(t *testing.T) {
	s := newStage(t)
	call := s.watch()

	s.die(call, ofOrders, 2)
	s.pass(call, 6*time.Minute)
	s.die(call, ofOrders, 2)
	s.die(call, ofStock, 1)
	s.pass(call, 6*time.Minute)
	s.die(call, ofOrders, 2)
	s.die(call, ofStock, 3)
	s.tells("in order.commands died 2, 6m later 2, 6m later 2: never more than 4 within 10m")
	s.forward(4 * time.Minute) // and Tick doesn't send
	s.die(call, ofStock, 1)
	s.tells("in inventory.commands died 1, 6m later 3, 4m later 1: the first one is 10m ago, so it is out")
	s.die(call, ofStock, 1)
	s.tells("in inventory.commands died 1, 6m later 3, 4m later 2: 5 within 4m", many(ofStock))
	s.pass(call, 2*time.Minute)
	s.die(call, ofBaskets, 4)
	s.pass(call, window-time.Nanosecond)
	s.die(call, ofBaskets, 1)
	s.tells("2 are left in inventory.commands; in order.baskets died 4, and 1ns before the 10m were over 1",
		many(ofStock), few(ofStock), many(ofBaskets))
	s.stopped(call)
}

// Many and few lie apart: who says "over" as soon as one less is left says "many" again with the next.
func TestAlertIsOverWhenHalfAreLeft(t *testing.T) {
	s := newStage(t)
	call := s.watch()

	s.die(call, ofOrders, 2)
	s.pass(call, 4*time.Minute)
	s.die(call, ofOrders, 1)
	s.pass(call, 4*time.Minute)
	s.die(call, ofOrders, 2)
	s.tells("5 died", many(ofOrders))
	s.pass(call, 2*time.Minute) // two are out
	s.die(call, ofStock, limit+1)
	s.tells("5 died, then 2 of them were out of the window: 3 are left, and half of Limit is 2",
		many(ofOrders), many(ofStock))
	s.pass(call, 4*time.Minute) // a third one is
	s.tells("5 died, 2 are left, no more died, and Tick sent",
		many(ofOrders), many(ofStock), few(ofOrders))
	s.die(call, ofOrders, 3)
	s.tells("5 died, 2 were left, and 3 more died: 5 again",
		many(ofOrders), many(ofStock), few(ofOrders), many(ofOrders))
	s.stopped(call)
}

func TestSlowAlertHoldsUpNothing(t *testing.T) {
	s := newStage(t)
	s.m.Limit = 1
	call := s.watch()
	s.hold()
	var want []monitor.Alert

	for i := range kinds {
		d := monitor.Death{Reason: "rejected", Queue: fmt.Sprintf("%s.%d", orders, i+1)}
		s.dieBehind(call, d, 2)
		want = append(want, many(d))
	}
	s.ticks(call, 2)
	s.lab.Settle()
	s.mu.Lock()
	most := s.most
	s.mu.Unlock()
	s.lab.Check(most <= 1, lab.Claim{
		Saw:  fmt.Sprintf("an Alert runs, and Alert was called again: %d run side by side", most),
		Want: "one Alert at a time: the next is told when this one has returned",
		Why:  "\"over\" overtakes \"many\" on its way to the human, who believes that it goes on; and a pager that is slow gets all at once",
		Wire: s.story(),
		Read: read,
	})
	s.pass(call, window)
	s.release()
	s.tellsAll(want)
	s.stopped(call)
}

// kinds is how many alerts wait for one that runs: more than fit into a buffer that somebody found large enough.
const kinds = 120

// dieBehind lets n messages of d come while an Alert runs. RabbitMQ need not have killed them: queues to die in take time.
func (s *stage) dieBehind(call *lab.Call, d monitor.Death, n int) {
	for i := range n {
		s.lab.Put(exchange, orders, amqp.Publishing{
			Headers: amqp.Table{"x-death": []any{amqp.Table{"reason": d.Reason, "queue": d.Queue, "count": int64(1)}}},
			Body:    fmt.Appendf(nil, "order-%d", i+1),
		})
	}
	s.lab.Check(s.lab.Soon(func() bool { return s.counts()[d] == n || !call.Running() }), lab.Claim{
		Saw:  fmt.Sprintf("an Alert runs; meanwhile %d messages died in %s, and Counts says %d", n, d.Queue, s.counts()[d]),
		Want: "Watch goes on counting while an Alert runs",
		Why: "the pager takes minutes when all goes wrong at once: that is when dead letters come by the thousand, and the " +
			"queue that is short drops them unseen",
		Wire: s.story(),
		Read: read,
	})
	if d.Queue == orders+".1" { // the first Alert has to run
		s.lab.Await("an Alert", func() bool { return len(s.alerts()) > 0 })
	}
}

// tellsAll claims that many was told of each, in order, and then that it is over, of each at the same time: in any order.
func (s *stage) tellsAll(begun []monitor.Alert) {
	n := len(begun)
	s.lab.Soon(func() bool { return len(s.alerts()) >= 2*n })
	told := s.alerts()
	over := make(map[monitor.Alert]bool)
	for _, a := range told[min(n, len(told)):] {
		over[few(a.Death)] = !a.Many
	}
	claim := lab.Claim{
		Want: fmt.Sprintf("%d alerts: many for each, in the order in which they came, then few for each", 2*n),
		Why:  "the alert that was left out, for lack of room or as out of date, is the one that nobody comes for",
		Wire: s.story(),
		Read: read,
	}
	for i, a := range begun {
		got := "nothing"
		if i < len(told) {
			got = list(told[i : i+1])
		}
		claim.Saw = fmt.Sprintf("while an Alert ran, 2 messages (Limit 1) died in each of %d queues, and %v passed; Alert was "+
			"told of %d things; number %d was %s", n, window, len(told), i+1, got)
		s.lab.Check(i < len(told) && told[i] == a, claim)
	}
	for _, a := range begun {
		claim.Saw = fmt.Sprintf("while an Alert ran, 2 messages (Limit 1) died in each of %d queues, and %v passed; Alert was "+
			"told of %d things, and not once that %s is over", n, window, len(told), a.Death.Queue)
		s.lab.Check(over[few(a.Death)], claim)
	}
	claim.Saw = fmt.Sprintf("2 messages (Limit 1) died in each of %d queues, and %v passed; Alert was told of %d things", n,
		window, len(told))
	s.lab.Check(len(told) == 2*n, claim)
}

func TestAlertMayAskForCounts(t *testing.T) {
	s := newStage(t)
	answered := make(chan int, 1)
	s.during = func() { answered <- s.m.Counts()[ofOrders] }
	call := s.watch()

	for range limit + 1 {
		s.lab.Publish(orders, "order-7")
	}

	claim := lab.Claim{
		Saw:  "Alert called Counts, which has not returned: now neither ever will",
		Want: "Counts answers at any time, to an Alert too",
		Why:  "the alert wants to say how many: from the first one on, nothing is told and nothing counted any more",
		Wire: s.story(),
		Read: read,
	}
	s.lab.Soon(func() bool { return len(answered) > 0 || !call.Running() })
	s.lab.Check(len(s.alerts()) > 0, lab.Claim{Saw: "5 died, and Alert was not called", Want: "an alert", Wire: s.story(), Read: read})
	claim.Wire = s.story()
	s.lab.Check(len(answered) > 0, claim)
	n := <-answered
	claim.Saw = fmt.Sprintf("5 died, and Counts says %d in the Alert that this is for", n)
	claim.Want = "5: what died is counted first, and told then"
	s.lab.Check(n == limit+1, claim)
	s.stopped(call)
}

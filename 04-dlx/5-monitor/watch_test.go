package monitor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"warren.example/04-dlx/5-monitor"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestLossIsAnError(t *testing.T) {
	cases := []struct {
		what string
		lose func(s *stage)
		left bool // conn is still there
	}{
		{"the connection broke", func(s *stage) { s.lab.Tap.CutAll() }, false},
		{"the caller closed the connection", func(s *stage) { _ = s.conn.Close() }, false},
		{"RabbitMQ closed the channel", func(s *stage) {
			for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "basic.consume"}) {
				_ = s.lab.Tap.CloseChannel(e.Conn, e.Channel, 541, "INTERNAL_ERROR")
			}
		}, true},
		{"the queue was deleted", func(s *stage) { s.lab.Tap.CancelConsumer(tap.Filter{Method: "basic.consume"}) }, true},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			s := newStage(t)
			call := s.watch()
			s.die(call, ofOrders, 1)

			c.lose(s)

			s.failed(call, c.what)
			n := total(s.counts())
			s.lab.Check(n == 1, lab.Claim{
				Saw:  fmt.Sprintf("one message died, then %s; Counts: %+v", c.what, s.counts()),
				Want: "1: the end of the deliveries is no message",
				Wire: s.story(),
				Read: read,
			})
			s.leavesNothing(c.what, c.left)
		})
	}
	t.Run("there is no shop.dead", func(t *testing.T) {
		s := newStage(t)
		if err := s.lab.Channel().ExchangeDelete(exchange, false, false); err != nil {
			s.lab.Failf("delete %s: %v", exchange, err)
		}
		call := s.lab.Go("Watch", func(ctx context.Context) error { return s.m.Watch(ctx, s.conn) })
		s.failed(call, "there is no "+exchange)
		s.leavesNothing("there is no "+exchange, true)
	})
}

// leavesNothing claims that Watch, which has returned, has left no queue and no channel, and its connection alone.
func (s *stage) leavesNothing(what string, open bool) {
	if open {
		s.lab.Check(s.lab.Soon(func() bool { return s.openChannels() == 0 }) && !s.conn.IsClosed(), lab.Claim{
			Saw: fmt.Sprintf("%s, and Watch returned; its connection is closed: %v; channels still open on it: %d", what,
				s.conn.IsClosed(), s.openChannels()),
			Want: "no channel is open, and conn still is: it is the caller's",
			Why:  "others work on the same connection; and a channel that stays open keeps the queue, once for each call",
			Wire: s.story(),
			Read: read,
		})
	}
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Broker, Method: "queue.declare-ok"}) {
		queue := e.Method.(*wire.QueueDeclareOk).Queue
		if queue == dead {
			continue
		}
		s.lab.Check(s.lab.Soon(func() bool { return !s.lab.Exists(queue) }), lab.Claim{
			Saw:  fmt.Sprintf("%s, and Watch returned an error; its queue %s is still there", what, queue),
			Want: "its queue is gone, whatever ended Watch (auto-delete waits for a first consumer)",
			Why:  "who calls Watch again until it works leaves a queue behind with each try",
			Wire: s.arguments(),
			Read: read,
		})
	}
}

// openChannels returns how many channels are open on the connection of s.
func (s *stage) openChannels() int {
	if s.conn.IsClosed() {
		return 0
	}
	return s.lab.OpenChannels(s.conn)
}

// failed claims that Watch returns an error.
func (s *stage) failed(call *lab.Call, what string) {
	claim := lab.Claim{
		Want: "an error: ctx has not ended, so the caller connects and calls Watch again",
		Why:  "nobody watches from here on, and nobody knows: it looks like a shop without dead letters",
		Wire: s.story(),
		Read: read,
	}
	claim.Saw = what + ", and Watch has not returned"
	err := call.WaitOr(claim)
	claim.Saw = what + ", and Watch returned nil"
	claim.Wire = s.story()
	s.lab.Error(err, claim)
}

// A router forgot the connection. Its caller knows, by the heartbeats that don't come; RabbitMQ doesn't yet. Another team
// watches too.
func TestWatchAgainHearsAll(t *testing.T) {
	s := newStage(t)
	call := s.watch()
	s.die(call, ofOrders, 1)
	others := &monitor.Monitor{Limit: limit, Window: window, Backlog: backlog, Now: s.time, Alert: func(monitor.Alert) {}}
	theirs := s.watchWith(others, s.lab.Dial())
	frozen := s.freeze()
	defer frozen.Remove()
	s.failed(call, "the connection broke")

	s.conn = s.lab.Dial()
	again := s.watch()

	for i := range 4 { // a dead consumer of the same queue would get each second one
		s.lab.Publish(orders, fmt.Sprintf("order-%d", i+1))
	}
	s.lab.Soon(func() bool { return s.counts()[ofOrders] == 5 || !again.Running() })
	n := s.counts()[ofOrders]
	s.lab.Check(n == 5, lab.Claim{
		Saw: fmt.Sprintf("1 message died, the connection broke (RabbitMQ doesn't know yet), Watch was called again on a new "+
			"one, and 4 more died; Counts says %d", n),
		Want: "5: all that die are heard by the new Watch",
		Why:  "what goes to a connection that is dead is heard by nobody, and the monitor looks well",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Soon(func() bool { return s.countsOf(others)[ofOrders] == 4 || !theirs.Running() })
	n = s.countsOf(others)[ofOrders]
	s.lab.Check(n == 4 && theirs.Running(), lab.Claim{
		Saw: fmt.Sprintf("another Monitor watched when Watch was called again, and 4 messages died; its Counts says %d, its "+
			"Watch runs: %v", n, theirs.Running()),
		Want: "4: each Watch hears all, and none puts an end to another",
		Why:  "the one that a team started to try something takes what the real one should hear",
		Wire: s.story(),
		Read: read,
	})
	s.stopped(again)
	s.stopped(theirs)
}

// freeze lets the connection of s hang for RabbitMQ, and break for its caller.
func (s *stage) freeze() *tap.Rule {
	all := s.lab.Tap.Connections()
	name := s.conn.Config.Properties["connection_name"]
	var id int
	for _, c := range all {
		if c.Open && c.Name == name {
			id = c.ID
		}
	}
	if id == 0 {
		s.lab.Failf("no connection %v in %+v", name, all)
	}
	rule := s.lab.Tap.Add(tap.BlackHole{On: tap.Trigger{Filter: tap.Filter{Conn: id}}})
	s.lab.Note("the line is dead")
	conn := s.conn
	go conn.Channel() // something has to be on the line for it to freeze
	s.lab.Await("the line to be dead", func() bool { return rule.Struck() > 0 })
	_ = conn.CloseDeadline(time.Now())
	return rule
}

func TestWatchAgainGoesOn(t *testing.T) {
	s := newStage(t)
	call := s.watch()
	s.die(call, ofOrders, limit+1)
	s.die(call, ofStock, 3)
	s.tells("5 died in order.commands, 3 in inventory.commands", many(ofOrders))
	s.lab.Tap.CutAll()
	s.lab.Finished(call.Wait())

	s.conn = s.lab.Dial()
	again := s.watch()

	s.die(again, ofOrders, limit+1)
	s.die(again, ofStock, 2)
	s.tells("5 died in order.commands and 3 in inventory.commands, the connection broke, Watch was called again, and 5 and 2 "+
		"more died there", many(ofOrders), many(ofStock))
	s.lab.Tap.CutAll()
	s.lab.Finished(again.Wait())
	s.conn = s.lab.Dial()
	third := s.watch()
	s.pass(third, window)
	s.tellsUnordered(4)
	s.stopped(third)
}

// tellsUnordered claims that n alerts were told, the last two of which say few, of one queue each.
func (s *stage) tellsUnordered(n int) {
	s.lab.Soon(func() bool { return len(s.alerts()) >= n })
	told := s.alerts()
	s.lab.Check(len(told) == n && !told[n-1].Many && !told[n-2].Many && told[n-1] != told[n-2], lab.Claim{
		Saw:  fmt.Sprintf("Alert was told of two queues, Watch was called again, and 10m passed; Alert was told: %s", list(told)),
		Want: "both are over",
		Why:  "what is over is never told as over",
		Wire: s.story(),
		Read: read,
	})
}

func TestStopLeavesNothing(t *testing.T) {
	s := newStage(t)
	before := len(s.lab.Bindings())
	call := s.watch()
	s.endsWhileAnAlertRuns(call, "ctx ended", call.Stop)
	s.stopped(call)
	s.tells("ctx ended while an Alert ran and another waited", many(ofOrders), many(ofStock))
	s.lab.Check(s.lab.Soon(func() bool { return len(s.lab.Bindings()) == before }), lab.Claim{
		Saw:  fmt.Sprintf("Watch has returned, its connection is open, and %s leads to %d queues", exchange, len(s.lab.Bindings())-before+1),
		Want: "its queue is gone",
		Why:  "each Watch leaves a queue behind, and all of them fill up",
		Wire: s.arguments(),
		Read: read,
	})
	if !s.conn.IsClosed() {
		s.lab.Fence(s.conn)
	}
	s.lab.Check(s.lab.OpenChannels(s.conn) == 0 && !s.conn.IsClosed(), lab.Claim{
		Saw:  fmt.Sprintf("Watch has returned; %d channels are open, connection closed: %v", s.lab.OpenChannels(s.conn), s.conn.IsClosed()),
		Want: "no channel is open, and conn still is: it is the caller's",
		Wire: s.story(),
		Read: read,
	})
}

func TestLossTellsTheRest(t *testing.T) {
	s := newStage(t)
	call := s.watch()
	const what = "the caller closed the connection" // when Close returns, Watch's deliveries have ended
	s.endsWhileAnAlertRuns(call, what, func() { _ = s.conn.Close() })
	s.failed(call, what)
	s.tells(what+" while an Alert ran and another waited", many(ofOrders), many(ofStock))
}

// endsWhileAnAlertRuns ends Watch while an Alert runs and another waits, claims that it doesn't return, and lets them go.
func (s *stage) endsWhileAnAlertRuns(call *lab.Call, what string, end func()) {
	s.hold()
	s.die(call, ofOrders, limit+1)
	s.lab.Await("an Alert", func() bool { return len(s.alerts()) > 0 })
	s.die(call, ofStock, limit+1)

	end()
	for range 2 { // what it asks of RabbitMQ meanwhile is answered
		s.lab.Settle()
		if !s.conn.IsClosed() {
			s.lab.Fence(s.conn)
		}
	}
	s.lab.Settle()

	s.lab.Check(call.Running(), lab.Claim{
		Saw:  what + " while an Alert ran, and Watch has returned",
		Want: "Watch returns when all alerts have been told",
		Why: "main takes it for the end and exits, and the call to the pager is broken off; or it calls Watch again, and two " +
			"alerts run side by side",
		Wire: s.story(),
		Read: read,
	})
	s.release()
}

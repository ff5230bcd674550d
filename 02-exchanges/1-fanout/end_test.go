package fanout_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestNothingStaysWhenRunHasReturned(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	s.mustPublish(teapots)
	s.hears(c, teapots)

	s.lab.NoError(c.call.Stopped(), lab.Claim{
		Want: "nil: stopping is no error",
		Why:  "each deployment is logged as a failure, and the failures that matter drown among them",
	})

	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "Run returned, and its caller's connection is closed",
		Want: "conn stays open: it is the caller's",
		Why:  "one connection serves the whole program: all others who use it are cut off",
	})
	s.deletesItself()
	s.gone(lab.Claim{
		Saw:  "Run has returned, conn is open",
		Want: "the queue goes with Run: nobody will ever take from it again",
		Why:  "every update of the shop is put into it for ever: RabbitMQ's memory fills up, and then nobody can publish any more",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	})
	s.lab.Fence(s.conn)
	open := s.lab.OpenChannels(s.conn)
	s.lab.Check(open == 0, lab.Claim{
		Saw:  fmt.Sprintf("Run has returned, and left open %d channel", open),
		Want: "who opens a channel closes it",
		Why:  "a connection has room for 2,047 channels: after as many Runs there is no other",
	})
	s.run(c)
	s.mustPublish(fewer)
	s.hears(c, teapots, fewer)
}

// deletesItself claims that the end of Run is the end of its queue, and not some time after it.
func (s *stage) deletesItself() {
	deleted := s.lab.Tap.Recording().Count(tap.Filter{From: tap.Client, Method: "queue.delete"}) > 0
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client, Method: "queue.declare"}) {
		d := e.Method.(*wire.QueueDeclare)
		s.lab.Check(deleted || d.Passive || d.AutoDelete, lab.Claim{
			Saw:  "Run has returned, conn is open, and nothing on the wire deletes its queue now",
			Want: "when Run returns, its queue is gone: it goes with its consumer (auto-delete), or Run deletes it",
			Why:  "until it goes, every update of the shop is put into it, and nobody will ever take one",
			Wire: s.lab.Wire(e),
			Read: "02-exchanges/README.md#fanout",
		})
	}
}

func TestCrashLeavesNoQueue(t *testing.T) {
	s := newStage(t)
	s.run(s.catalog("catalog-1", s.conn))

	s.lab.Crash()

	s.gone(lab.Claim{
		Saw:  "the catalog's process died",
		Want: "the queue goes with its connection, though nobody is left to delete it",
		Why:  "each crash leaves one more queue that every update is put into and that nobody reads: RabbitMQ's disk fills up",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	})
}

func TestStopWaitsForTheRunningHandle(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	resume := s.pause(c)
	s.mustPublish(teapots)
	s.lab.Await("a running handle", func() bool { return c.knows(teapots) })

	c.call.Stop()
	s.lab.Note("ctx ends")
	s.awhile(s.conn)

	s.lab.Check(c.call.Running(), lab.Claim{
		Saw:  "ctx ended, and Run returned while Handle was running",
		Want: "Run returns after the running Handle has",
		Why:  "the program closes its cache and ends, and Handle writes to what is closed",
		Wire: s.story(),
		Read: "02-exchanges/README.md#fanout",
	})
	resume()
	s.lab.NoError(c.call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
}

func TestStopBeginsNoFurtherUpdate(t *testing.T) {
	s := newStage(t)
	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	resume := s.pause(c)
	s.comeQuickly(c, teapots, fewer, none)

	c.call.Stop()
	s.lab.Note("ctx ends")
	resume()

	s.lab.NoError(c.call.Wait(), lab.Claim{Want: "nil: stopping is no error"})
	heard, _ := c.told()
	s.lab.Check(len(heard) == 1, lab.Claim{
		Saw:  fmt.Sprintf("ctx ended while Handle had %v, and then Handle was called with %v", teapots, heard[1:]),
		Want: "no further update is begun, not even of those that were sent ahead",
		Why:  "a program that was told to stop has seconds; behind a slow Handle thousands may wait",
		Wire: s.story(),
		Read: "01-basics/README.md#stop",
	})
}

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the connection was cut", func(tap.Event) { s.lab.Tap.CutAll() })
}

func TestClosedChannelIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("RabbitMQ closed the channel", func(e tap.Event) {
		if err := s.lab.Tap.CloseChannel(e.Conn, e.Channel, amqp.InternalError, "INTERNAL_ERROR"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	})
}

func TestDeletedQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("somebody deleted the queue", func(tap.Event) {
		s.lab.Tap.CancelConsumer(tap.Filter{Method: "basic.consume"}) // so RabbitMQ tells it
	})
}

// lose takes something away from a catalog that listens, and claims that its Run says so.
func (s *stage) lose(what string, end func(consume tap.Event)) {
	c := s.catalog("catalog-1", s.conn)
	s.run(c)
	consume, _ := s.lab.Tap.Recording().First(tap.Filter{Method: "basic.consume"})

	end(consume)

	ended := s.lab.Soon(func() bool { heard, _ := c.told(); return !c.call.Running() || len(heard) > 0 })
	claim := lab.Claim{
		Want: "an error, so that the caller dials and calls Run again",
		Why:  "this catalog looks healthy, and hears nothing any more until somebody restarts it",
		Wire: s.story(),
		Read: "01-basics/README.md#lost",
	}
	heard, _ := c.told()
	claim.Saw = fmt.Sprintf("%s, and Handle was called with an update that nobody sent: %v", what, heard)
	s.lab.Check(len(heard) == 0, claim)
	claim.Saw = what + ", and Run goes on"
	s.lab.Check(ended, claim)
	claim.Saw = what + ", and Run returned nil"
	s.lab.Error(c.call.Wait(), claim)
}

func TestOldConnectionStandsInNobodysWay(t *testing.T) {
	s := newStage(t)
	old, unplug := s.dial()
	c := s.catalog("catalog-1", old)
	s.run(c)
	s.mustPublish(teapots)
	s.hears(c, teapots)
	consume, _ := s.lab.Tap.Recording().First(tap.Filter{Method: "basic.consume"})
	// The cable is pulled. The catalog notices soon, RabbitMQ doesn't: no end of the connection comes through.
	hole := s.lab.Tap.Add(tap.BlackHole{On: tap.Trigger{Filter: tap.Filter{Conn: consume.Conn}}})
	s.put(`{"sku":"teapot","left":2}`)
	s.lab.Await("the cable is pulled", func() bool { return hole.Struck() > 0 })
	unplug()
	s.lab.Error(c.call.Wait(), lab.Claim{
		Saw:  "the connection is lost, and Run returned nil",
		Want: "an error, so that the caller dials and calls Run again",
		Read: "01-basics/README.md#lost",
	})

	c.conn = s.lab.Dial()
	s.lab.Note("the catalog has dialled again")
	s.runWhere("RabbitMQ still believes in the old connection and keeps its queue", c)

	s.mustPublish(none)
	s.hears(c, teapots, none)
	hole.Remove()
}

// dial opens a connection that can be unplugged at the client's end.
func (s *stage) dial() (conn *amqp.Connection, unplug func()) {
	var socket net.Conn
	conn, err := amqp.DialConfig(s.lab.URL, amqp.Config{Dial: func(network, address string) (c net.Conn, err error) {
		socket, err = amqp.DefaultDial(s.lab.Patience(20*time.Second))(network, address)
		return socket, err
	}})
	if err != nil {
		s.lab.Failf("dial: %v", err)
	}
	return conn, func() { _ = socket.Close() }
}

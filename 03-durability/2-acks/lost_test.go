package acks_test

import (
	"context"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestLostConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the connection was cut", func() { s.lab.Tap.CutAll() })
}

func TestClosedConnectionIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the caller closed the connection", func() { _ = s.conn.Close() })
}

func TestClosedChannelIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("RabbitMQ closed the channel", func() {
		consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.consume"}, 1)[0]
		if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
			s.lab.Failf("close the channel: %v", err)
		}
	})
}

func TestDeletedQueueIsAnError(t *testing.T) {
	s := newStage(t)
	s.lose("the queue was deleted", func() { s.lab.DeleteQueue(queue) })
}

// lose ends the deliveries of a Consume that waits for a message, and claims that it says so.
func (s *stage) lose(what string, end func()) {
	call := s.consume()
	s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.consume-ok"}, 1)

	end()

	returned := s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  what + ", and the handle was called with an empty message",
		Want: "a closed Go channel gives zero values, at once and for ever: they are no messages",
		Why:  "the loop spins: a core burns, the log fills the disk, and no message is handled any more",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(returned, lab.Claim{
		Saw:  what + ", and Consume goes on waiting",
		Want: "an error: nothing more will come",
		Why:  "the process looks healthy and handles nothing until somebody restarts it",
		Wire: s.story(),
		Read: about,
	})
	err := call.Wait()
	s.lab.Error(err, lab.Claim{
		Saw:  what + ", and Consume returned nil",
		Want: "an error: ctx has not ended",
		Why:  "nil means that somebody asked to stop: the program exits quietly, and nobody starts it again",
		Wire: s.story(),
		Read: about,
	})
	var none *amqp.Error
	s.lab.Check(err != error(none), lab.Claim{
		Saw:  what + ", and Consume returned a nil *amqp.Error as its error",
		Want: "an error that says something: NotifyClose gives no *amqp.Error when somebody closed on purpose",
		Why:  "in an error, a nil pointer is not nil: err != nil holds, and whoever calls err.Error() panics",
		Wire: s.story(),
		Read: about,
	})
}

func TestLostConnectionBeginsNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8", "order-9")
	call := s.consume()
	seven := s.must(call)
	s.sentAhead(3)
	s.quiet()
	s.lab.Tap.CutAll()
	s.lab.Await("a client that has noticed", s.conn.IsClosed)
	s.lab.Settle()
	s.lab.Check(call.Running(), lab.Claim{
		Saw:  "the connection was lost, and Consume returned while the handle of order-7 was running",
		Want: "Consume returns when no handle runs any more",
		Why:  "the caller connects again and calls Consume again: two handles work side by side, on the same order",
		Wire: s.story(),
		Read: about,
	})

	seven.end <- acks.Ack

	s.lab.Soon(func() bool { return !call.Running() || len(s.begun) > 0 })
	s.lab.Check(len(s.begun) == 0, lab.Claim{
		Saw:  "the connection was lost while the handle of order-7 ran; when it had returned, more have begun",
		Want: "an error, and nothing more is begun",
		Why:  "RabbitMQ has given back what was sent ahead: somebody else packs the same orders at this moment",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Error(call.Wait(), lab.Claim{
		Saw:  "the connection was lost while the handle of order-7 ran, and Consume returned nil",
		Want: "an error: ctx has not ended",
		Wire: s.story(),
		Read: about,
	})
}

func TestMissingQueueIsAnError(t *testing.T) {
	s := newStage(t)

	call := s.lab.Go("Consume", func(ctx context.Context) error {
		return acks.Consume(ctx, s.conn, "inventory.comands", s.handle)
	})

	claim := lab.Claim{
		Want: "an error, as RabbitMQ says it: 404",
		Why:  "a typing error in a configuration looks like a quiet day",
		Read: about,
	}
	claim.Saw = "there is no queue inventory.comands, and Consume waits for messages"
	s.lab.Check(s.lab.Soon(func() bool { return !call.Running() || s.lab.Exists("inventory.comands") }), claim)
	claim.Saw = "there was no queue inventory.comands, and Consume made one"
	s.lab.Check(!s.lab.Exists("inventory.comands"), claim)
	claim.Saw = "there is no queue inventory.comands, and Consume returned nil"
	s.lab.Error(call.Wait(), claim)
	s.closed("there is no such queue, and Consume returned an error")
}

// TestNilMeansThatTheLastAnswerArrived cuts the connection at the last ack. The loss may be noticed while Consume closes its
// channel, or before, while it still waits for the end of its consumer.
func TestNilMeansThatTheLastAnswerArrived(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancelling=%v", held), func(t *testing.T) { lastAnswerLost(t, held) })
	}
}

func lastAnswerLost(t *testing.T, cancelling bool) {
	s := newStage(t, "order-7")
	call := s.consume()
	j := s.must(call)
	if cancelling {
		s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "basic.cancel-ok"}}})
	}
	call.Stop()
	s.lab.Expect(tap.Filter{From: tap.Client, Method: "basic.cancel"}, 1, lab.Claim{
		Saw:  "ctx ended while the handle of order-7 runs, and RabbitMQ was not told",
		Want: "basic.cancel at once",
		Wire: s.story(),
		Read: about,
	})
	s.quiet()
	s.lab.Tap.Add(tap.Cut{When: tap.Before, On: tap.Trigger{Filter: tap.Filter{
		From: tap.Client, Where: tap.Answers(j.DeliveryTag),
	}}})

	j.end <- acks.Ack

	err := call.WaitOr(lab.Claim{
		Saw:  "the connection was lost when ctx had ended, and Consume has not returned",
		Want: "an error",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Error(err, lab.Claim{
		Saw:  "ctx had ended, the connection was lost with the last ack, and Consume returned nil",
		Want: "an error: RabbitMQ may not have got the answer. It has when it has confirmed the end of the channel",
		Why:  "the log says that all went well, and order-7 is packed twice",
		Wire: s.story(),
		Read: about,
	})
	s.rest(1, lab.Claim{Want: "one: order-7, whose ack never arrived", Wire: s.story()})
}

package partition_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestLossIsAnError(t *testing.T) {
	for name, lose := range map[string]func(*stage, *amqp.Connection){
		"partition 1 was deleted": func(s *stage, _ *amqp.Connection) {
			s.lab.DeleteQueue(partition.Queue(1))
			s.lab.WaitFor(tap.Filter{From: tap.Broker, Method: "basic.cancel"}, 1)
		},
		"RabbitMQ closed the channel of partition 1": func(s *stage, _ *amqp.Connection) { s.closeChannelOf(1) },
		"RabbitMQ closed the channel of partition 0": func(s *stage, _ *amqp.Connection) { s.closeChannelOf(0) },
		"the connection was cut": func(s *stage, conn *amqp.Connection) {
			s.lab.Tap.CutAll()
			s.lab.Await("the client to notice", conn.IsClosed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, 2)
			d := newDesk(s)
			slow := messages("order-1", 3)
			d.hold(slow[0])
			s.lab.Publish(partition.Queue(0), slow...)
			call, conn := s.works(d, "a", 2)
			s.lab.Await("a running handle", func() bool { return len(d.hasBegun("", slow[0])) > 0 })

			lose(s, conn)
			s.quiet(conn)
			s.lab.Check(call.Running(), lab.Claim{
				Saw:  fmt.Sprintf("%s while the handle of %s ran, and Work returned before it had ended", name, slow[0]),
				Want: "Work returns when nothing runs any more",
				Why:  "the caller works again at once, and handles beside the one that still runs",
				Wire: s.story(),
				Read: read,
			})
			d.let(slow[0])

			err := call.WaitOr(lab.Claim{
				Saw:  name + ", and Work goes on",
				Want: "an error",
				Why:  "a partition stands still, for as long as this process lives, and nobody hears of it",
				Wire: s.story(),
				Read: read,
			})
			s.lab.Error(err, lab.Claim{
				Saw: name + ", and Work returned nil", Want: "an error: ctx has not ended",
				Why: "the service ends as if it had been told to, and nobody starts it again", Wire: s.story(), Read: read,
			})
			s.lab.Check(len(d.hasBegun("", "order-1")) == 1, lab.Claim{
				Saw:  fmt.Sprintf("%s while the handle of %s ran; of its partition have begun: %q", name, slow[0], d.hasBegun("", "order-1")),
				Want: "nothing more begins",
				Wire: s.story(),
				Read: read,
			})
			if !conn.IsClosed() {
				s.nothingStaysOpen(conn, name+"; Work returned an error")
			}
		})
	}
	t.Run("a partition is not there", func(t *testing.T) {
		s := newShop(t, 2)
		conn := s.lab.Dial()
		err := newDesk(s).work("a", conn, 3).WaitOr(lab.Claim{
			Saw: "Work was called for 3 partitions, there are 2, and it goes on", Want: "an error", Wire: s.story(), Read: read,
		})
		s.lab.Error(err, lab.Claim{
			Saw: "Work was called for 3 partitions, there are 2, and it returned nil", Want: "an error", Wire: s.story(), Read: read,
		})
		s.nothingStaysOpen(conn, "Work returned an error")
	})
}

// closeChannelOf makes RabbitMQ close the channel that consumes partition i.
func (s *stage) closeChannelOf(i int) {
	of := tap.Filter{From: tap.Client, Method: "basic.consume", Where: isConsumeOf(partition.Queue(i))}
	e := s.lab.Tap.Recording().Find(of)[0]
	const late = "PRECONDITION_FAILED - delivery acknowledgement timed out"
	if err := s.lab.Tap.CloseChannel(e.Conn, e.Channel, amqp.PreconditionFailed, late); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}
}

func isConsumeOf(queue string) func(tap.Event) bool {
	return func(e tap.Event) bool { return e.Method.(*wire.BasicConsume).Queue == queue }
}

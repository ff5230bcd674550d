package publisher_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// The connection breaks at the first method, then at the second, and so on, until a run is over without a break.

func TestCutAtEveryMethodFromYou(t *testing.T) { sweep(t, tap.Client) }

func TestCutAtEveryMethodFromTheBroker(t *testing.T) { sweep(t, tap.Broker) }

func sweep(t *testing.T, from tap.Side) {
	s := newScene(t, 4)
	for step := range s.lab.Sweep(tap.Filter{From: from}, tap.Before) {
		queue := step.Name(queue)
		s.lab.Declare(queue, nil)
		s.renew(4)
		orders := []order{s.publishTo("", queue, s.message("order-1"))}
		s.confirmed("nothing was disturbed", orders...)
		step.Begin()
		begun := len(s.lab.Tap.Recording().All())
		s.lab.Tap.CutAll() // from here on a session is cut again somewhere
		for _, body := range numbered(2, 4) {
			o, call := s.publishing("", queue, s.message(body))
			claim := lab.Claim{
				Want: "Publish takes the message: the window has room, and the broker is there",
				Why:  "one broken connection, and nothing is sent any more",
				Wire: s.story(begun),
				Read: read,
			}
			claim.Saw = fmt.Sprintf("%s: Publish of %s does not return", step, body)
			err := call.WaitOr(claim)
			claim.Saw = fmt.Sprintf("%s: Publish of %s returned: %v", step, body, err)
			s.lab.NoError(err, claim)
			orders = append(orders, *o)
		}
		call := s.lab.Go("Close", s.pub.Close)
		err := call.WaitOr(lab.Claim{
			Saw:  fmt.Sprintf("%s: Close does not return", step),
			Want: "the next session sends what is left, and Close returns nil",
			Why:  "the program does not stop, and is killed with all it had",
			Wire: s.story(begun),
			Read: read,
		})
		s.judge(step, begun, queue, orders, s.lab.Drain(queue))
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("%s: all messages are in the queue, and Close returned: %v", step, err),
			Want: "nil: every message has its answer",
			Wire: s.story(begun),
			Read: read,
		})
	}
}

// judge says what became of order-1 to order-4.
func (s *scene) judge(step *lab.Step, begun int, queue string, orders []order, deliveries []amqp.Delivery) {
	var bodies []string
	ids := make(map[string]string)
	for _, d := range deliveries {
		body := string(d.Body)
		bodies = append(bodies, body)
		if id, double := ids[body]; double {
			s.lab.Check(id == d.MessageId, lab.Claim{
				Saw:  fmt.Sprintf("%s: %s is there twice, with message ids %q and %q", step, body, id, d.MessageId),
				Want: "doubles have the same id",
				Why:  "the consumer can't see that it has the order already: it is packed and paid twice",
				Wire: s.story(begun),
				Read: read,
			})
		}
		ids[body] = d.MessageId
	}
	want := numbered(1, 4)
	for _, body := range want {
		s.lab.Check(slices.Contains(bodies, body), lab.Claim{
			Saw:  fmt.Sprintf("%s: %s is not in the queue (there is %s)", step, body, list(bodies)),
			Want: "every message that Publish took arrives at least once",
			Why:  "an order is lost, and nobody is told",
			Wire: s.story(begun),
			Read: read,
		})
	}
	s.lab.Check(slices.Equal(firsts(bodies), want), lab.Claim{
		Saw:  fmt.Sprintf("%s: the queue holds %s", step, list(bodies)),
		Want: "the first of each in the old order: order-1 order-2 order-3 order-4",
		Why:  "a parcel is sent before it was packed",
		Wire: s.story(begun),
		Read: read,
	})
	for _, o := range orders {
		err := s.told(o, step.String())
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("%s: %s is in the queue, and its Wait returned: %v", step, o.body, err),
			Want: "nil",
			Why:  "whoever is told of an error that is none publishes the order again, under a new id",
			Wire: s.story(begun),
			Read: read,
		})
	}
}

// story tells what was published and answered over each connection since an event, and where it was cut.
func (s *scene) story(since int) string {
	var b strings.Builder
	conn := 0
	for _, e := range s.lab.Tap.Recording().All()[since:] {
		text := e.Gist()
		switch e.Name() {
		case "basic.publish":
			text = fmt.Sprintf("publish #%d %s", e.Number, e.Body)
		case "basic.ack", "basic.nack", "basic.return", "channel.close", "connection.close":
		default:
			if e.Fault == "" || e.Method == nil {
				continue
			}
		}
		if e.Fault != "" {
			text += " (cut)"
		}
		if e.Conn != conn {
			conn = e.Conn
			fmt.Fprintf(&b, " · connection %d: ", conn)
		} else {
			b.WriteString(", ")
		}
		b.WriteString(text)
	}
	return strings.TrimPrefix(b.String(), " · ")
}

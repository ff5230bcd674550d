package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func TestEverythingArrivesInOrder(t *testing.T) {
	s := newScene(t, 4)
	want := numbered(1, 20)

	s.confirmed("nothing was disturbed", s.publish(want...)...)
	s.close()

	got := s.bodies(queue)
	s.lab.Check(slices.Equal(got, want), lab.Claim{
		Saw:  fmt.Sprintf("published %s; in the queue: %s", list(want), list(got)),
		Want: "each once, in the order in which Publish took them",
		Why:  "a parcel is sent before it was packed",
		Read: read,
	})
	s.lab.Check(s.tries() == 1, lab.Claim{
		Saw:  fmt.Sprintf("%d connections for 20 messages", s.tries()),
		Want: "one, as long as it holds",
		Why:  "a connection costs seven round trips and a process on the broker",
		Read: read,
	})
}

func TestManyPublishAtOnce(t *testing.T) {
	const shops, each = 8, 5
	s := newScene(t, 4)
	var calls []*lab.Call
	for shop := range shops {
		calls = append(calls, s.lab.Go("Publish", func(ctx context.Context) error {
			for i := range each {
				m, err := s.pub.Publish(ctx, "", queue, s.message(fmt.Sprintf("shop-%d order-%d", shop, i)))
				if err != nil {
					return err
				}
				if i == each-1 {
					return m.Wait(ctx)
				}
			}
			return nil
		}))
	}
	for _, call := range calls {
		s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: nothing was disturbed", Read: read})
	}
	s.close()

	next := make(map[int]int)
	deliveries := s.lab.Drain(queue)
	for _, d := range deliveries {
		var shop, i int
		fmt.Sscanf(string(d.Body), "shop-%d order-%d", &shop, &i)
		s.lab.Check(i == next[shop], lab.Claim{
			Saw:  fmt.Sprintf("%s came where order-%d of this shop was due", d.Body, next[shop]),
			Want: "the messages of one goroutine stay in their order",
			Why:  "a parcel is sent before it was packed",
			Read: read,
		})
		next[shop]++
	}
	s.lab.Check(len(deliveries) == shops*each, lab.Claim{
		Saw:  fmt.Sprintf("%d goroutines published %d messages; %d are in the queue", shops, shops*each, len(deliveries)),
		Want: "each once",
		Read: read,
	})
}

func TestNilMeansConfirmed(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	wait := s.lab.Go("Wait", o.Wait)

	s.awhile()

	s.lab.Check(wait.Running(), lab.Claim{
		Saw:  "RabbitMQ's confirm of order-1 was held back, and Wait returned",
		Want: "Wait returns nil when the confirm has come",
		Why:  "the outbox strikes the order off, the broker dies, and nobody has it",
		Wire: s.wire("order-1"),
		Read: read,
	})
	s.lose() // the confirm is lost; it is sent again
	s.back()
	s.confirmed("it was sent again", o)
	s.close()
}

func TestWindowIsTheLimit(t *testing.T) {
	const window = 3
	s := newScene(t, window)
	orders := s.unconfirmed(numbered(1, window)...)
	_, call := s.publishing("", queue, s.message("order-4"))
	fifth, call5 := s.publishing("", queue, s.message("order-5"))
	_ = fifth

	s.awhile()

	s.lab.Check(call.Running() && call5.Running() && len(s.published("")) == window, lab.Claim{
		Saw: fmt.Sprintf("Window is %d; %d messages are on the wire without an answer, and Publish has taken %d",
			window, len(s.published("")), window+ended(call)+ended(call5)),
		Want: "Publish waits while Window messages are taken and have no answer",
		Why:  "the broker stalls for a minute, and the publisher fills the memory until it is killed with all it had",
		Read: read,
	})
	s.lose()
	s.back()
	s.confirmed("it was sent again", orders...)
	for _, c := range []*lab.Call{call, call5} {
		s.lab.NoError(c.WaitOr(lab.Claim{
			Saw:  "the window has room again, and Publish still waits",
			Want: "it takes the message", Read: read,
		}), lab.Claim{Want: "nil", Read: read})
	}
	s.close()
}

// ended is 1 for a call that has returned.
func ended(c *lab.Call) int {
	if c.Running() {
		return 0
	}
	return 1
}

func TestEndOfContextEndsTheWaitForTheWindow(t *testing.T) {
	s := newScene(t, 1)
	first := s.unconfirmed("order-1")[0]
	_, call := s.publishing("", queue, s.message("order-2"))
	s.awhile()
	call.Stop()

	err := call.WaitOr(lab.Claim{
		Saw:  "the window is full, ctx ended, and Publish still waits",
		Want: "an error that wraps ctx's",
		Why:  "the web server gave the customer up long ago, and its goroutine stays",
		Read: read,
	})
	s.lab.Error(err, lab.Claim{Saw: "ctx ended before order-2 was taken, and Publish returned nil", Want: "ctx's error", Read: read})
	s.lose()
	s.back()
	s.confirmed("it was sent again", first)
	s.confirmed("there is room again", s.publish("order-3")...)
	s.close()
	got := firsts(s.bodies(queue))
	s.lab.Check(slices.Equal(got, []string{"order-1", "order-3"}), lab.Claim{
		Saw:  fmt.Sprintf("ctx ended before Publish had taken order-2; in the queue: %s", list(got)),
		Want: "order-1 order-3: what was not taken is never sent",
		Why:  "the customer was told to try again, and gets two parcels",
		Read: read,
	})
}

func TestEndedContextTakesNothing(t *testing.T) {
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("order-1")...)

	err := s.lab.Do("Publish", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := s.pub.Publish(ctx, "", queue, s.message("order-2"))
		return err
	})

	claim := lab.Claim{
		Saw:  "ctx had ended before Publish was called, and it returned nil",
		Want: "an error that wraps ctx's, though the window has room",
		Why:  "the customer was told to try again, and gets two parcels",
		Read: read,
	}
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("ctx had ended before Publish was called, and it returned: %v", err)
	s.lab.Check(errors.Is(err, context.Canceled), claim)
	s.close()
	s.lab.Check(len(s.published("order-2")) == 0, lab.Claim{
		Saw:  "Publish returned ctx's error, and order-2 was sent all the same",
		Want: "what was not taken is never sent",
		Why:  "the customer was told to try again, and gets two parcels",
		Read: read,
	})
}

func TestEndOfContextIsNotTheMessages(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0] // the ctx of its Publish has ended by now
	wait := s.lab.Go("Wait", o.Wait)
	s.awhile()
	s.lab.Error(wait.Stopped(), lab.Claim{Saw: "Wait's ctx ended without an answer, and Wait returned nil", Want: "Unknown"})

	s.lose()
	s.back()

	s.awaitPublished("order-1", 2, "the ctx of its Publish and of its Wait have ended, and the connection was cut")
	s.confirmed("ctx has no say once a message is taken", o)
	s.close()
}

func TestIDIsGivenOnceAndKept(t *testing.T) {
	s := newScene(t, 4)
	own := s.message("order-1")
	own.MessageId = "id-of-order-1"
	s.holdConfirms("order-1", "order-2", "order-3")
	orders := []order{s.publishTo("", queue, own)}
	orders = append(orders, s.publish("order-2", "order-3")...)
	s.awaitPublished("order-3", 1, "Publish has taken it")

	s.lose()
	s.back()

	ids := make(map[string]string)
	for _, o := range orders {
		events := s.awaitPublished(o.body, 2, "the connection was cut before its confirm")
		first, second := id(events[0]), id(events[1])
		s.lab.Check(first != "" && first == second, lab.Claim{
			Saw:  fmt.Sprintf("%s was sent with message id %q, and again with %q", o.body, first, second),
			Want: "a message keeps its id, however often it is sent",
			Why:  "the consumer can't see that it has the order already: it is packed and paid twice",
			Wire: s.wire(o.body),
			Read: read,
		})
		s.lab.Check(reflect.DeepEqual(events[0].Header.Properties, events[1].Header.Properties), lab.Claim{
			Saw:  fmt.Sprintf("%s was sent again, and not all of its properties were", o.body),
			Want: "the same message: what it says, for whom, and that it is persistent",
			Why:  "the broker restarts, and only the first copy would have survived",
			Wire: s.wire(o.body),
			Read: read,
		})
		s.lab.Check(ids[first] == "", lab.Claim{
			Saw:  fmt.Sprintf("%s and %s have the same message id %q", ids[first], o.body, first),
			Want: "each message has an id of its own",
			Why:  "the consumer takes one for a double of the other, and throws it away",
			Read: read,
		})
		ids[first] = o.body
	}
	s.lab.Check(ids["id-of-order-1"] == "order-1", lab.Claim{
		Saw:  "order-1 was published with MessageId id-of-order-1, and was sent with another",
		Want: "an id that is there is kept",
		Why:  "the outbox publishes it again after a crash, and the consumer sees another message",
		Read: read,
	})
	s.confirmed("they were sent again", orders...)
	s.close()
}

func TestSameBodyTwiceIsTwoMessages(t *testing.T) {
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("parcel", "parcel")...)
	s.close()

	events := s.published("parcel")
	s.lab.Check(len(events) == 2 && id(events[0]) != id(events[1]), lab.Claim{
		Saw:  fmt.Sprintf("two messages with the same body were published %s, with message id %q", times(len(events)), id(events[0])),
		Want: "two messages, each with an id of its own",
		Why:  "a customer orders the same again, and the consumer throws it away as a double",
		Wire: s.wire("parcel"),
		Read: read,
	})
}

func TestTwoPublishersGiveDifferentIDs(t *testing.T) {
	s := newScene(t, 4)
	for _, body := range []string{"order-1", "order-2"} { // as two processes would, or one before and after a restart
		s.renew(4)
		s.confirmed("nothing was disturbed", s.publish(body)...)
		s.close()
	}

	first, second := id(s.published("order-1")[0]), id(s.published("order-2")[0])
	s.lab.Check(first != "" && second != "" && first != second, lab.Claim{
		Saw:  fmt.Sprintf("order-1 of one publisher has message id %q, order-2 of another has %q", first, second),
		Want: "no two messages have the same id, whoever publishes them",
		Why:  "the service restarts, and the consumer takes the orders of today for doubles of yesterday's",
		Read: read,
	})
}

// id returns the message id of a publish, empty if it has none.
func id(e tap.Event) string {
	if e.Header == nil || e.Header.Properties.MessageId == nil {
		return ""
	}
	return *e.Header.Properties.MessageId
}

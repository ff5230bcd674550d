package publisher_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/session"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// What can never work is told to whoever wanted it, and to nobody else.

func TestMissingExchangeIsTold(t *testing.T) {
	judgeHopeless(t, amqp.NotFound, "its exchange doesn't exist", func(s *scene) (string, amqp.Publishing) {
		return "nobody-declared-this-one", s.message("order-2")
	})
}

func TestForbiddenExchangeIsTold(t *testing.T) {
	judgeHopeless(t, amqp.AccessRefused, "its exchange must not be published to", func(s *scene) (string, amqp.Publishing) {
		ch := s.lab.Channel()
		if err := ch.ExchangeDeclare("inner", amqp.ExchangeFanout, true, false, true, false, nil); err != nil {
			s.lab.Failf("declare an internal exchange: %v", err)
		}
		return "inner", s.message("order-2")
	})
}

func TestSenselessPropertyIsTold(t *testing.T) {
	judgeHopeless(t, amqp.PreconditionFailed, "its expiration is no number", func(s *scene) (string, amqp.Publishing) {
		m := s.message("order-2")
		m.Expiration = "1s"
		return "", m
	})
}

// judgeHopeless publishes order-2, which RabbitMQ won't ever take, between two that are good, and of which it is not known
// whether RabbitMQ has them.
func judgeHopeless(t *testing.T, code int, what string, hopeless func(*scene) (string, amqp.Publishing)) {
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("order-0")...)
	exchange, m := hopeless(s)
	s.holdConfirms("order-1")
	good := s.publish("order-1")
	s.awaitPublished("order-1", 1, "Publish has taken it")
	held := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "channel.close"}, Nth: 1}})
	bad := s.publishTo(exchange, queue, m)
	s.awaitPublished("order-2", 1, "Publish has taken it")
	good = append(good, s.publish("order-3")...)
	s.awaitPublished("order-3", 1, "Publish has taken it")
	held.Remove()

	err := s.told(bad, fmt.Sprintf("RabbitMQ closes the channel at order-2 (%d: %s)", code, what))
	var no *amqp.Error
	s.lab.Check(errors.As(err, &no) && no.Code == code, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ will never take order-2 (%d: %s), and its Wait returned: %v", code, what, err),
		Want: fmt.Sprintf("an error that wraps the *amqp.Error, code %d", code),
		Why:  "one bad message: sent for ever, or lost without a word",
		Wire: s.wire(""),
		Read: read,
	})
	for _, o := range good {
		err := s.told(o, "order-2 was refused")
		s.lab.NoError(err, lab.Claim{
			Saw:  fmt.Sprintf("RabbitMQ refused order-2, and it was %s that was told so: %v", o.body, err),
			Want: "the others arrive, and are told nothing of it",
			Why:  "one bad message takes a window of good ones with it",
			Wire: s.wire(""),
			Read: read,
		})
	}
	s.confirmed("order-2 was refused", s.publish("order-4")...)
	s.close()
	got := s.bodies(queue)
	s.lab.Check(slices.Equal(firsts(got), []string{"order-0", "order-1", "order-3", "order-4"}), lab.Claim{
		Saw:  fmt.Sprintf("order-2 was refused; in the queue: %s", list(got)),
		Want: "order-0 order-1 order-3 order-4: the others, in their order",
		Why:  "one bad message takes a window of good ones with it",
		Wire: s.wire(""),
		Read: read,
	})
}

func TestRefusalLeavesTheWindowAsItWas(t *testing.T) {
	s := newScene(t, 4)
	first := s.unconfirmed("order-1")
	bad := s.publishTo("nobody-declared-this-one", queue, s.message("order-2"))
	s.lab.Error(s.told(bad, "its exchange doesn't exist"), lab.Claim{
		Saw: "the exchange of order-2 doesn't exist, and its Wait returned nil", Want: "an error", Read: read,
	})
	s.confirmed("order-2 was refused", first...)

	s.holdConfirms("order-3", "order-4")
	later := s.publish("order-3", "order-4")

	for _, o := range later {
		s.lab.Expect(tap.Filter{From: tap.Client, Method: "basic.publish", Where: is(o.body)}, 1, lab.Claim{
			Saw:  fmt.Sprintf("order-2 was refused long ago; order-3 has no answer, and %s isn't sent", o.body),
			Want: "up to Window messages without waiting for answers, as before",
			Why:  "one bad message, and until the next restart each order waits for the answer to the one before",
			Wire: s.wire(""),
			Read: read,
		})
	}
	s.lose()
	s.back()
	s.confirmed("it was sent again", later...)
	s.close()
}

func TestRefusedMessageIsTold(t *testing.T) {
	s := newScene(t, 4)
	s.lab.Tap.Add(tap.Refuse{On: tap.Trigger{Filter: tap.Filter{Where: is("order-2")}}})
	orders := s.publish(numbered(1, 3)...)

	err := s.told(orders[1], "RabbitMQ refused order-2 (basic.nack)")
	s.lab.Check(errors.Is(err, session.ErrRefused), lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ refused order-2 (basic.nack), and its Wait returned: %v", err),
		Want: "session.ErrRefused",
		Why:  "a queue is full and says so: the order is struck off, and nobody has it",
		Wire: s.wire("order-2"),
		Read: read,
	})
	s.confirmed("only order-2 was refused", orders[0], orders[2])
	s.close()
	n := len(s.published("order-2"))
	s.lab.Check(n == 1, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ refused order-2 (basic.nack), and it was published %s", times(n)),
		Want: "once: whoever wanted it is told, and says whether to try again",
		Why:  "a full queue is hammered, and all others wait behind",
		Wire: s.wire("order-2"),
		Read: read,
	})
}

func TestUnroutableMessageIsTold(t *testing.T) {
	s := newScene(t, 4)
	orders := s.publish("order-1")
	orders = append(orders, s.publishTo("", "nobody-declared-this-one", s.message("order-2")))
	orders = append(orders, s.publish("order-3")...)

	err := s.told(orders[1], "no queue takes order-2")
	s.lab.Check(errors.Is(err, session.ErrUnroutable), lab.Claim{
		Saw:  fmt.Sprintf("no queue takes order-2, and its Wait returned: %v", err),
		Want: "session.ErrUnroutable",
		Why:  "RabbitMQ acks what no queue takes: the order is struck off, and nobody has it",
		Wire: s.wire("order-2"),
		Read: read,
	})
	s.confirmed("only order-2 has no queue", orders[0], orders[2])
	s.close()
}

func TestWhatAMQPCantCarryIsRefusedAtOnce(t *testing.T) {
	s := newScene(t, 4)
	m := s.message("order-1")
	m.Headers = amqp.Table{"weight": struct{ Grams int }{1200}}

	_, call := s.publishing("", queue, m)

	s.lab.Error(call.Wait(), lab.Claim{
		Saw:  "a header has a type that AMQP doesn't know, and Publish took the message",
		Want: "an error, from Publish",
		Why:  "it can't be written: it is tried for ever, and all others wait behind",
		Read: read,
	})
	s.confirmed("only order-1 can't be written", s.publish("order-2")...)
	s.close()
}

func TestFieldsThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"URLs is nil":                          func(s *scene) { s.pub.URLs = nil },
		"the second URL is \"localhost:5672\"": func(s *scene) { s.pub.URLs = append(s.pub.URLs, "localhost:5672") },
		"the only URL is empty":                func(s *scene) { s.pub.URLs = []string{""} },
		"Window is 0":                          func(s *scene) { s.pub.Window = 0 },
		"Window is -1":                         func(s *scene) { s.pub.Window = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 4)
			change(s)
			want := session.Check(s.pub.URLs, s.pub.Window).Error()
			claim := lab.Claim{
				Want: "session.Check's error: " + want,
				Why:  "a line is missing in a configuration: the service starts, and stands still without a word",
				Read: read,
			}

			_, call := s.publishing("", queue, s.message("order-1"))
			claim.Saw = name + ", and Publish waits"
			err := call.WaitOr(claim)
			claim.Saw = fmt.Sprintf("%s, and Publish returned: %v", name, err)
			s.lab.Check(err != nil && strings.Contains(err.Error(), want), claim)
			err = s.lab.Do("Close", s.pub.Close)
			claim.Saw = fmt.Sprintf("%s, and Close returned: %v", name, err)
			s.lab.Check(err != nil && strings.Contains(err.Error(), want), claim)
		})
	}
}

func TestRefusedConnectionIsTriedAgainLater(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0] // there is a session, and no answer yet
	s.lab.Tap.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "connection.tune"}, Nth: 1}})

	s.lab.Tap.CutAll()

	s.confirmed("there was a session; it was lost, and the next one broke in its handshake, which looks like a wrong password", o)
	s.close()
}

func TestWrongPasswordIsTold(t *testing.T) {
	judgeRefusal(t, amqp.AccessRefused, "the password is wrong", func(u *url.URL) {
		u.User = url.UserPassword(u.User.Username(), "wrong")
	})
}

func TestMissingVirtualHostIsTold(t *testing.T) {
	judgeRefusal(t, amqp.NotAllowed, "there is no such virtual host", func(u *url.URL) { u.Path = "/nobody-made-this-one" })
}

func judgeRefusal(t *testing.T, code int, what string, change func(*url.URL)) {
	s := newScene(t, 4)
	s.pub.URLs = []string{s.with(change)}
	claim := lab.Claim{
		Want: fmt.Sprintf("an error that wraps the *amqp.Error, code %d; Pause isn't called", code),
		Why:  "a typing error in a configuration hides among a thousand lines of \"trying again\"",
		Read: read,
	}
	refused := func(err error) bool {
		var no *amqp.Error
		return errors.As(err, &no) && no.Code == code
	}

	o, call := s.publishing("", queue, s.message("order-1"))
	s.lab.Soon(func() bool { return !call.Running() || len(s.rest.calls()) > 0 })
	claim.Saw = what + ", and Publish goes on trying"
	s.lab.Check(!call.Running(), claim)
	err := call.Wait()
	if err == nil { // it was taken before the connection was tried
		wait := s.lab.Go("Wait", o.Wait)
		s.lab.Soon(func() bool { return !wait.Running() || len(s.rest.calls()) > 0 })
		claim.Saw = what + ", and it is tried again"
		s.lab.Check(len(s.rest.calls()) == 0, claim)
		err = wait.Wait()
	}
	claim.Saw = fmt.Sprintf("%s, and whoever publishes is told: %v", what, err)
	s.lab.Check(refused(err), claim)

	_, call = s.publishing("", queue, s.message("order-2"))
	claim.Saw = what + ", and a later Publish waits"
	err = call.WaitOr(claim)
	claim.Saw = fmt.Sprintf("%s, and a later Publish returned: %v", what, err)
	s.lab.Check(refused(err), claim)
	err = s.lab.Do("Close", s.pub.Close)
	claim.Saw = fmt.Sprintf("%s, order-1 was never sent, and Close returned: %v", what, err)
	s.lab.Check(refused(err), claim)
}

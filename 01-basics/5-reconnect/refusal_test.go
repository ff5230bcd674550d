package reconnect_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// The stretch: what waiting doesn't mend.

func TestWrongPasswordFailsAtOnce(t *testing.T) {
	s := newScene(t)
	s.url = s.with(func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") })
	judgeRefusal(s, "the password is wrong", amqp.AccessRefused)
}

func TestMissingVirtualHostFailsAtOnce(t *testing.T) {
	s := newScene(t)
	s.url = s.with(func(u *url.URL) { u.Path = "/nobody-made-this-one" })
	judgeRefusal(s, "there is no such virtual host", amqp.NotAllowed)
}

// with returns the consumer's URL with a change.
func (s *scene) with(change func(*url.URL)) string {
	u, err := url.Parse(s.lab.URL)
	if err != nil {
		s.lab.Failf("parse %q: %v", s.lab.URL, err)
	}
	change(u)
	return u.String()
}

func judgeRefusal(s *scene, what string, code int) {
	call := s.run()

	ended := s.lab.Soon(func() bool { return !call.Running() || len(s.rest.calls()) > 0 })
	s.lab.Check(ended && len(s.rest.calls()) == 0, lab.Claim{
		Saw:  what + ", and Run goes on trying",
		Want: fmt.Sprintf("Run returns an error that wraps the *amqp.Error, code %d; Pause isn't called", code),
		Why:  "a typing error in a configuration hides among a thousand lines of \"trying again\"",
		Read: "01-basics/README.md#reconnect",
	})
	err := call.Wait()
	var refusal *amqp.Error
	s.lab.Check(errors.As(err, &refusal) && refusal.Code == code, lab.Claim{
		Saw:  fmt.Sprintf("%s, and Run returned: %v", what, err),
		Want: fmt.Sprintf("an error that wraps the *amqp.Error, code %d", code),
		Why:  "who reads the log must see what to mend",
		Read: "01-basics/README.md#reconnect",
	})
}

func TestBrokenHandshakeIsTriedAgain(t *testing.T) {
	s := newScene(t)
	call := s.run()
	s.consuming()
	s.mustReserve(call, "order-1", "the consumer has started")

	// Without connection.tune, amqp091-go says: 403, username or password not allowed.
	cut := s.lab.Tap.Add(tap.Cut{
		On:   tap.Trigger{Filter: tap.Filter{From: tap.Broker, Method: "connection.tune"}, Nth: 1},
		When: tap.Before,
	})
	s.lab.Tap.CutAll()

	s.lab.Check(s.lab.Soon(func() bool { return cut.Struck() > 0 }), lab.Claim{
		Saw: "the connection was cut, and Run did not connect again" + ended(call), Want: "a new session",
	})
	s.mustReserve(call, "order-2",
		"the connection broke again in its handshake, which looks like a wrong password (403) to amqp091-go")
}

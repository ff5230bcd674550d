package publisher_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"testing"

	"warren.example/03-durability/session"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// How it comes to the next session.

func TestBrokerMayBeAwayForLong(t *testing.T) {
	const n = 40
	s := newScene(t, 4)
	s.lab.Tap.Refuse(true)
	first, call := s.publishing("", queue, s.message("order-1"))

	came := s.lab.Soon(func() bool { return len(s.rest.calls()) > n })

	s.lab.Check(came, lab.Claim{
		Saw:  fmt.Sprintf("the broker is away: Pause was called %s, and then no more", times(len(s.rest.calls()))),
		Want: "it tries again for as long as the broker is away",
		Why:  "the broker comes back after an hour, and whoever is on duty starts every service by hand",
		Read: read,
	})
	s.back()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: the broker is back", Read: read})
	s.confirmed(fmt.Sprintf("the broker is back after %d tries", n), *first)
	s.close()
}

func TestPauseComesBeforeEachTry(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	before := s.tries()
	s.lose()

	for n := 1; n <= 3; n++ {
		s.lab.Soon(func() bool { return len(s.rest.calls()) == n || s.tries()-before > n })
		s.awhile()
		calls, tries := s.rest.calls(), s.tries()-before
		s.lab.Check(len(calls) == n && tries == n-1, lab.Claim{
			Saw:  fmt.Sprintf("the broker is away: it was tried %s, and Pause was called %s", times(tries), times(len(calls))),
			Want: fmt.Sprintf("Pause first, and no try before it has returned: it was called %s, %d tries by now", times(n), n-1),
			Why:  "a hundred services that try as fast as they can keep a broker that starts from ever being up",
			Read: read,
		})
		s.lab.Check(calls[n-1] == calls[0]+n-1, lab.Claim{
			Saw:  fmt.Sprintf("three tries failed, and Pause was called with attempts %v", calls),
			Want: "one more each time",
			Why:  "who waits no longer than the first time hammers a broker that is down for an hour",
			Read: read,
		})
		s.rest.release(1)
	}
	s.back()
	s.confirmed("the broker is back", o)

	second := s.unconfirmed("order-2")[0]
	n := len(s.rest.calls())
	s.lab.Tap.CutAll()
	s.lab.Await("a call of Pause", func() bool { return len(s.rest.calls()) > n })
	s.lab.Check(s.rest.calls()[n] == 1, lab.Claim{
		Saw:  fmt.Sprintf("a message was confirmed, then the connection was cut; Pause was called with attempt %d", s.rest.calls()[n]),
		Want: "attempt 1 after a session in which a message was answered",
		Why:  "after a month every short cut costs half a minute",
		Read: read,
	})
	s.confirmed("there is a connection again", second)
	s.close()
}

func TestSessionWithoutAnAnswerIsAFailedTry(t *testing.T) {
	s := newScene(t, 4)
	s.confirmed("nothing was disturbed", s.publish("order-1")...)
	before := len(s.rest.calls())
	s.rest.hold()
	s.rest.release(3)
	cut := s.lab.Tap.Add(tap.Cut{On: tap.Trigger{Filter: tap.Filter{From: tap.Client, Method: "basic.publish"}}})
	o := s.publish("order-2")[0]

	s.lab.Await("four calls of Pause", func() bool { return len(s.rest.calls()) >= before+4 })

	calls := s.rest.calls()[before:][:4]
	s.lab.Check(slices.Equal(calls, []int{1, 2, 3, 4}), lab.Claim{
		Saw:  fmt.Sprintf("each session was cut at its first publish; Pause was called with attempts %v", calls),
		Want: "1 2 3 4: a session in which no message had its answer is a failed try",
		Why:  "a broker that lets everybody in and falls over is hammered at the shortest pace",
		Read: read,
	})
	cut.Remove()
	s.rest.free()
	s.confirmed("sessions are no longer cut", o)
	s.close()
}

func TestWithoutPauseItWaitsByItself(t *testing.T) {
	s := newScene(t, 4)
	s.pub.Pause = nil
	o := s.unconfirmed("order-1")[0]
	s.lab.Tap.CutAll()
	s.confirmed("Pause is nil, and the connection was cut", o)
	s.close()
}

func TestWithoutPauseItTakesItsTime(t *testing.T) {
	const questions, tries = 200, 20
	s := newScene(t, 4)
	s.pub.Pause = nil
	s.confirmed("nothing was disturbed", s.publish("order-1")...)
	s.lab.Tap.Refuse(true)
	before := s.tries()
	o := s.publish("order-2")[0]

	// A try at a broker that is away takes no longer than a question to one that is there. session.Pause makes 20 tries in
	// about three minutes.
	for n := 0; n < questions && s.tries()-before < tries; n++ {
		s.lab.Exists(queue)
	}

	n := s.tries() - before
	s.lab.Check(n < tries, lab.Claim{
		Saw:  fmt.Sprintf("Pause is nil, and the broker is away: it was tried %s in the time of at most %d round trips", times(n), questions),
		Want: "nil waits as session.Pause does",
		Why:  "a hundred services that try as fast as they can keep a broker that starts from ever being up",
		Read: read,
	})
	s.lab.Tap.Refuse(false)
	s.confirmed("Pause is nil, and the broker is back", o)
	s.close()
}

func TestErrorOfPauseGivesUp(t *testing.T) {
	s := newScene(t, 4)
	o := s.unconfirmed("order-1")[0]
	enough := errors.New("that is enough")
	s.rest.failWith(enough)

	s.lose()

	err := s.told(o, "Pause returned an error")
	claim := lab.Claim{
		Want: "an error that wraps Pause's, for Wait (in a *session.Unknown), for Publish and for Close",
		Why:  "Pause is where a limit belongs, and nobody hears of it",
		Read: read,
	}
	claim.Saw = fmt.Sprintf("Pause returned an error, and Wait: %v", err)
	var unknown *session.Unknown
	s.lab.Check(errors.Is(err, enough) && errors.As(err, &unknown), claim)
	_, call := s.publishing("", queue, s.message("order-2"))
	err = call.Wait()
	claim.Saw = fmt.Sprintf("Pause returned an error, and then Publish: %v", err)
	s.lab.Check(errors.Is(err, enough), claim)
	err = s.lab.Do("Close", s.pub.Close)
	claim.Saw = fmt.Sprintf("Pause returned an error, and then Close: %v", err)
	s.lab.Check(errors.Is(err, enough), claim)
}

func TestEveryAddressIsTried(t *testing.T) {
	for name, urls := range map[string]func(good, dead string) []string{
		"the first is dead": func(good, dead string) []string { return []string{dead, good} },
		"the last is dead":  func(good, dead string) []string { return []string{good, dead} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 4)
			s.pub.URLs = urls(s.lab.URL, s.deadURL())
			for i := range 3 {
				body := fmt.Sprintf("order-%d", i+1)
				what := fmt.Sprintf("of two URLs %s, and the connection was cut %s", name, times(i))
				o, call := s.publishing("", queue, s.message(body))
				err := call.WaitOr(lab.Claim{
					Saw:  what + ": Publish still waits",
					Want: "the URLs are tried in turn, over and over",
					Why:  "a cluster of three is as good as its first node",
					Read: read,
				})
				s.lab.NoError(err, lab.Claim{Want: "nil: one URL is good", Read: read})
				s.confirmed(what, *o)
				s.lab.Tap.CutAll()
			}
			s.close()
		})
	}
}

func TestPauseComesBeforeEachAddress(t *testing.T) {
	s := newScene(t, 4)
	s.pub.URLs = []string{s.deadURL(), s.lab.URL}
	s.hold()
	o, call := s.publishing("", queue, s.message("order-1"))

	s.lab.Soon(func() bool { return len(s.rest.calls()) > 0 || s.tries() > 0 })
	s.awhile()

	s.lab.Check(s.tries() == 0 && slices.Equal(s.rest.calls(), []int{1}), lab.Claim{
		Saw: fmt.Sprintf("of two URLs the first is dead, and Pause has not returned: the second was tried %s; calls of Pause: %v",
			times(s.tries()), s.rest.calls()),
		Want: "Pause before each try but the first, also if it is another URL",
		Why:  "a node falls, and all of its clients are at the next one's door in the same second",
		Read: read,
	})
	s.free()
	s.lab.NoError(call.Wait(), lab.Claim{Want: "nil: one URL is good", Read: read})
	s.confirmed("the second URL is good", *o)
	s.close()
}

// deadURL returns a URL where nobody listens.
func (s *scene) deadURL() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.lab.Failf("listen: %v", err)
	}
	defer listener.Close()
	return s.with(func(u *url.URL) { u.Host = listener.Addr().String() })
}

// with returns the lab's URL with a change.
func (s *scene) with(change func(*url.URL)) string {
	u, err := url.Parse(s.lab.URL)
	if err != nil {
		s.lab.Failf("parse %q: %v", s.lab.URL, err)
	}
	change(u)
	return u.String()
}

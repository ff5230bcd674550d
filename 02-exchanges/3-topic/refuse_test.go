package topic_test

import (
	"fmt"
	"strings"
	"testing"

	"warren.example/02-exchanges/3-topic"
	"warren.example/workshop/lab"
)

// An attempt is a call that has to be refused, and what is wrong with it.
type attempt struct {
	what string
	call func() error
}

// refused claims that for each attempt an error came before anything was said to RabbitMQ, and that connection and channel are
// as before.
func (s *stage) refused(function, why string, attempts ...attempt) {
	claim := lab.Claim{Want: "an error, before anything is said to RabbitMQ", Why: why, Read: read}
	for _, a := range attempts {
		err := a.call()
		claim.Saw = fmt.Sprintf("%s, and %s returned nil", a.what, function)
		s.lab.Error(err, claim)
		said := s.recorded()
		claim.Wire = s.lab.Wire(said...)
		claim.Saw = fmt.Sprintf("%s, and %s talked to RabbitMQ before it refused that (%v)", a.what, function, err)
		s.lab.Check(len(said) == 0, claim)
		claim.Saw = fmt.Sprintf("%s, and %s ended its caller's channel (%v)", a.what, function, err)
		s.lab.Check(!s.ch.IsClosed() && !s.conn.IsClosed(), claim)
	}
	said := s.said()
	claim.Wire = s.lab.Wire(said...)
	claim.Saw = fmt.Sprintf("%s talked to RabbitMQ about what it refused", function)
	s.lab.Check(len(said) == 0, claim)
}

// events makes an attempt of each list of parts.
func (s *stage) events(what string, all ...[]string) (attempts []attempt) {
	for _, parts := range all {
		what := fmt.Sprintf("an event %.40q, %s", parts, what)
		attempts = append(attempts, attempt{what, func() error { return s.publish(parts...) }})
	}
	return attempts
}

// interests makes an attempt of each list of parts.
func (s *stage) interests(what string, all ...[]string) (attempts []attempt) {
	for _, parts := range all {
		what := fmt.Sprintf("an interest in %.40q, %s", parts, what)
		attempts = append(attempts, s.listener(what, "mailer", topic.Interest{Parts: parts}))
	}
	return attempts
}

func (s *stage) listener(what, name string, hears ...topic.Interest) attempt {
	return attempt{what, func() error {
		_, err := s.declare(name, hears...)
		return err
	}}
}

const whyLength = "AMQP has one byte for the length of a key or a queue's name: amqp091-go can't write it, and ends the whole " +
	"connection, with all its channels"

func TestEventThatCannotBeIsRefused(t *testing.T) {
	s := newStage(t)
	s.refused("Publish", "release, v1.2 becomes release.v1.2, which has three parts: who waits for release.* does not hear of it",
		s.events("with a dot in a part", []string{"user.signup"}, []string{"release", "v1.2"}, []string{"user", "."})...)
	s.refused("Publish",
		"somewhere a name was not filled in: \"user.\" fits user.*, and all who listen there get something they don't know",
		s.events("where a part is missing", nil, []string{}, []string{""}, []string{"user", ""}, []string{"", "signup"},
			[]string{"user", "", "refunded"})...)
	s.refused("Publish", "in a routing key a wildcard is a letter like any other: nobody who waits for user.signup hears of user.*",
		s.events("with a wildcard in a part", []string{"user", "*"}, []string{"user", "#"}, []string{"#"}, []string{"user", "sign*"},
			[]string{"a#b"})...)
	s.refused("Publish", whyLength, s.events("a key of 256 bytes",
		[]string{strings.Repeat("k", 256)},
		[]string{strings.Repeat("u", 127), strings.Repeat("u", 128)}, // 256 with the dot
		[]string{strings.Repeat("ü", 128)})...)                       // 256 bytes, 128 letters
}

func TestInterestThatCannotBeIsRefused(t *testing.T) {
	s := newStage(t)
	s.refused("Declare", "no event has such a name: the service starts, waits, and hears of nothing",
		append(s.interests("where a part is missing", nil, []string{}, []string{""}, []string{"user", ""}),
			s.listener("a part is missing, and it goes deeper", "mailer", topic.Interest{Parts: []string{"", "signup"}, Deeper: true}))...)
	s.refused("Declare",
		"sign* is no pattern to RabbitMQ, but a word with a star in it, which no event has: the service starts, waits, and "+
			"hears of nothing. And a # that nobody meant brings more than was asked for",
		s.interests("with a part that is neither a word nor a star", []string{"user", "user.signup"}, []string{"user", "#"},
			[]string{"user", "sign*"}, []string{"user", "**"}, []string{"user", "*in"}, []string{"user", "a#"})...)
	s.refused("Declare", whyLength,
		append(s.interests("a key of 256 bytes", []string{strings.Repeat("k", 256)}, []string{strings.Repeat("ü", 128)}),
			s.listener("an interest whose key, with .#, has 256 bytes", "mailer",
				topic.Interest{Parts: []string{strings.Repeat("k", 254)}, Deeper: true}))...)
}

func TestListenerThatCannotBeIsRefused(t *testing.T) {
	s := newStage(t)
	s.refused("Declare", "all who forgot their name share a queue, and each hears of some events",
		s.listener("a listener without a name", "", interest("user.signup")))
	s.refused("Declare", whyLength,
		s.listener("a listener with a name of 256 bytes", strings.Repeat("n", 256), interest("user.signup")))
	s.refused("Declare", "it waits for ever at a queue where nothing comes", s.listener("a listener without interests", "mailer"))
	s.refused("Declare",
		"a queue is there with some of its bindings, nobody reads it since the service did not start, and it fills up",
		s.listener("a listener whose third interest has a dot in a part", "mailer", interest("user.signup"), interest("user.login"),
			topic.Interest{Parts: []string{"user.purchase"}}))
}

package vhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func direct(name string) *wire.ExchangeDeclare {
	return &wire.ExchangeDeclare{Exchange: name, Type: "direct"}
}

// The texts are those of RabbitMQ 4.0.5, and of 3.10.8 where that is said.
func TestExchangesAreDeclaredAsRabbitMQDoes(t *testing.T) {
	with := func(change func(*wire.ExchangeDeclare)) *wire.ExchangeDeclare {
		m := direct("x")
		change(m)
		return m
	}
	alternate := func(v wire.Value) func(*wire.ExchangeDeclare) {
		return func(m *wire.ExchangeDeclare) { m.Arguments = table("alternate-exchange", v) }
	}
	for want, m := range map[string]*wire.ExchangeDeclare{
		"404 NOT_FOUND - no exchange 'y' in vhost '/'":                                {Exchange: "y", Passive: true},
		"403 ACCESS_REFUSED - operation not permitted on the default exchange":        {Type: "direct"},
		"403 ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'": direct("amq.x"),
		"406 PRECONDITION_FAILED - unknown exchange type 'tpoic'":                     {Exchange: "x", Type: "tpoic"},
		"406 PRECONDITION_FAILED - invalid exchange type ''":                          {Exchange: "x"},
		"406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'": with(
			func(m *wire.ExchangeDeclare) { m.Type = "fanout" }),
		"406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received ''x-consistent-hash'' but current is 'direct'": with(
			func(m *wire.ExchangeDeclare) { m.Type = "x-consistent-hash" }),
		"406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'true' but current is 'false'": with(
			func(m *wire.ExchangeDeclare) { m.Durable = true }),
		"406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'": with(
			func(m *wire.ExchangeDeclare) { m.AutoDelete = true }),
		"406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'": with(
			func(m *wire.ExchangeDeclare) { m.Internal = true }),
		"406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': " +
			"received the value 'y' of type 'longstr' but current is none": with(alternate(wire.String("y"))),
	} {
		a := newStage(t, version.V40).actor()
		a.does(direct("x"), direct("x"))
		a.fails(want, m)
	}
	a := newStage(t, version.V40).actor()
	a.does(with(alternate(wire.String("y"))))
	a.fails("406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received '4' but current is 'y'",
		with(alternate(wire.Int32(4))))
	newStage(t, version.V310).actor().fails("connection 503 COMMAND_INVALID - unknown exchange type 'tpoic'",
		&wire.ExchangeDeclare{Exchange: "x", Type: "tpoic"})
	newStage(t, version.V40).actor().fails(
		"406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
		with(alternate(wire.Int32(4))))
}

func TestAPredeclaredExchangeMayBeDeclaredAgain(t *testing.T) {
	a := newStage(t, version.V40).actor()
	a.does(&wire.ExchangeDeclare{Exchange: "amq.topic", Type: "topic", Durable: true}, &wire.ExchangeDeclare{Exchange: "amq.topic", Passive: true})
}

func TestExchangesAreDeleted(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(direct("x"), durable("q"), &wire.QueueBind{Queue: "q", Exchange: "x"}, &wire.ExchangeDelete{Exchange: "unknown"})
	a.fails("406 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use", &wire.ExchangeDelete{Exchange: "x", IfUnused: true})
	a = s.actor()
	a.does(&wire.ExchangeDelete{Exchange: "x"})
	a.fails("404 NOT_FOUND - no exchange 'x' in vhost '/'", &wire.ExchangeDeclare{Exchange: "x", Passive: true})
	s.actor().fails("403 ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed", &wire.ExchangeDelete{Exchange: "amq.topic"})
	s.actor().fails("403 ACCESS_REFUSED - operation not permitted on the default exchange", &wire.ExchangeDelete{})
	require.Empty(t, s.Snapshot().Bindings)
}

func TestAnAutoDeleteExchangeGoesWithItsLastBinding(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.ExchangeDeclare{Exchange: "x", Type: "fanout", AutoDelete: true},
		&wire.ExchangeDeclare{Exchange: "x", Passive: true},
		&wire.QueueBind{Queue: "q", Exchange: "x"}, &wire.QueueDelete{Queue: "q"})
	a.fails("404 NOT_FOUND - no exchange 'x' in vhost '/'", &wire.ExchangeDeclare{Exchange: "x", Passive: true})
}

func TestBindingsNeedBothEnds(t *testing.T) {
	s := newStage(t, version.V40)
	for want, m := range map[string]wire.Method{
		"404 NOT_FOUND - no exchange 'x' in vhost '/'":                         &wire.ExchangeBind{Source: "x", Destination: "y"},
		"404 NOT_FOUND - no exchange 'y' in vhost '/'":                         &wire.ExchangeBind{Source: "amq.direct", Destination: "y"},
		"404 NOT_FOUND - no queue 'q' in vhost '/'":                            &wire.QueueBind{Queue: "q", Exchange: "amq.direct"},
		"404 NOT_FOUND - no previously declared queue":                         &wire.QueueBind{Exchange: "amq.direct"},
		"403 ACCESS_REFUSED - operation not permitted on the default exchange": &wire.QueueBind{Queue: "q"},
	} {
		s.actor().fails(want, m)
	}
	s.actor().does(&wire.QueueUnbind{Queue: "q", Exchange: "x"}, &wire.ExchangeUnbind{Source: "x", Destination: "y"}) // not there: no error
}

func TestMessagesFlowFromExchangeToExchange(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.QueueBind{Queue: "q", Exchange: "amq.fanout"}, &wire.QueueBind{Queue: "q", Exchange: "amq.direct", RoutingKey: "k"},
		&wire.ExchangeBind{Source: "amq.direct", Destination: "amq.fanout", RoutingKey: "k"})
	a.publishes("amq.direct", "k", "one copy")
	require.Equal(t, 1, s.depth("q"))
	a.does(&wire.ExchangeUnbind{Source: "amq.direct", Destination: "amq.fanout", RoutingKey: "k"}, &wire.QueueUnbind{Queue: "q", Exchange: "amq.direct", RoutingKey: "k"})
	a.publishes("amq.direct", "k", "lost")
	require.Equal(t, 1, s.depth("q"))
}

package vhost

import (
	"errors"
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// exchangeCounts are what went through an exchange.
type exchangeCounts struct{ in, out uint64 }

// alternateExchange is the argument that names where messages go that no binding matches (rabbitmq.com/docs/ae).
const alternateExchange = "alternate-exchange"

// onDefault is the 403 of what nobody may do to the default exchange.
func onDefault() *fault.Error {
	return fault.Channel(fault.AccessRefused, "operation not permitted on the default exchange")
}

// localRandom is a type of exchange that brings a message to one of the queues on its node, whichever.
const localRandom = "x-local-random"

// declareExchange makes an exchange, or compares it with the one that is there.
func (ch *Channel) declareExchange(m *wire.ExchangeDeclare) *fault.Error {
	h := ch.host
	name := withoutLineEnds(m.Exchange)
	if m.Passive {
		if err := ch.askForExchange(name); err != nil {
			return err
		}
		ch.answer(m.NoWait, &wire.ExchangeDeclareOk{})
		return nil
	}
	kind, ok := routing.ParseKind(m.Type)
	if m.Type == localRandom && h.version.LocalRandom() {
		return fault.Connection(fault.NotImplemented, "minirabbit has no exchanges of type '%s'", m.Type)
	}
	if !ok {
		return h.unknownType(m.Type)
	}
	if name == "" {
		return onDefault()
	}
	if err := ch.check(Configure, kindExchange, name); err != nil {
		return err
	}
	if x, ok := h.graph.Exchange(name); ok {
		if err := h.sameExchange(x, kind, m); err != nil {
			return err
		}
	} else if err := ch.newExchange(name, kind, m); err != nil {
		return err
	}
	ch.answer(m.NoWait, &wire.ExchangeDeclareOk{})
	return nil
}

// erlangWords are some texts for which RabbitMQ says that the type of exchange is invalid, not unknown: those that are names
// in its own program (atoms). The list is not complete; it has what people write by mistake.
var erlangWords = []string{
	"", "all", "any", "default", "events", "exchange", "foo", "header", "invalid", "log", "match", "none", "orders", "queue",
	"random", "rpc", "stream", "unknown",
}

func (h *Host) unknownType(name string) *fault.Error {
	what := "unknown"
	if slices.Contains(erlangWords, name) {
		what = "invalid"
	}
	if h.version.UnknownTypeEndsConnection() {
		return fault.Connection(fault.CommandInvalid, "%s exchange type '%s'", what, name)
	}
	return fault.Channel(fault.PreconditionFailed, "%s exchange type '%s'", what, name)
}

func (ch *Channel) askForExchange(name string) *fault.Error {
	if name == "" {
		return onDefault()
	}
	if err := ch.checkPassive(kindExchange, name); err != nil {
		return err
	}
	if _, ok := ch.host.graph.Exchange(name); !ok {
		return ch.host.missing(kindExchange, name)
	}
	return nil
}

func (ch *Channel) newExchange(name string, kind routing.Kind, m *wire.ExchangeDeclare) *fault.Error {
	h := ch.host
	if err := reserved(kindExchange, name); err != nil {
		return err
	}
	alternate, ok, err := h.exchangeArgument(m.Arguments, alternateExchange, kindExchange, name)
	if err != nil {
		return err
	}
	if ok {
		if err := ch.check(Read, kindExchange, name); err != nil {
			return err
		}
		if err := ch.check(Write, kindExchange, alternate); err != nil {
			return err
		}
	}
	x := routing.Exchange{
		Name: name, Kind: kind, Durable: m.Durable, AutoDelete: m.AutoDelete, Internal: m.Internal, Arguments: m.Arguments,
	}
	return refusal(h.addExchange(x))
}

// addExchange makes the exchange and tells the journal.
func (h *Host) addExchange(x routing.Exchange) error {
	if err := h.graph.Declare(x); err != nil {
		return err
	}
	h.exchanges[x.Name] = &exchangeCounts{}
	if x.Durable {
		h.append(&Event{Kind: ExchangeDeclared, Exchange: x})
	}
	return nil
}

// refusal makes an answer of an error of package routing.
func refusal(err error) *fault.Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, routing.ErrInternal):
		return fault.Connection(fault.InternalError, "")
	default:
		return fault.Channel(fault.PreconditionFailed, "%s", err)
	}
}

// reserved is the 403 of a new name that begins with amq.
func reserved(kind, name string) *fault.Error {
	if !strings.HasPrefix(name, "amq.") {
		return nil
	}
	return fault.Channel(fault.AccessRefused, "%s name '%s' contains reserved prefix 'amq.*'", kind, name)
}

// sameExchange compares a declaration with what is there: rabbit_exchange:assert_equivalence, in its order. Of the arguments
// only the alternate exchange counts.
func (h *Host) sameExchange(x routing.Exchange, kind routing.Kind, m *wire.ExchangeDeclare) *fault.Error {
	differs := func(what string, got, is any) *fault.Error {
		return h.inequivalent(what, kindExchange, x.Name, quoted(got), quoted(is))
	}
	switch {
	case x.Kind != kind:
		return differs("type", atom(kind), atom(x.Kind))
	case x.Durable != m.Durable:
		return differs("durable", m.Durable, x.Durable)
	case x.AutoDelete != m.AutoDelete:
		return differs("auto_delete", m.AutoDelete, x.AutoDelete)
	case x.Internal != m.Internal:
		return differs("internal", m.Internal, x.Internal)
	}
	got, hasGot := m.Arguments.Get(alternateExchange)
	is, hasIs := x.Arguments.Get(alternateExchange)
	if hasGot == hasIs && got == is {
		return nil
	}
	both := hasGot && hasIs
	return h.inequivalent(alternateExchange, kindExchange, x.Name, received(got, both), received(is, both))
}

// received is an argument as RabbitMQ shows it where two differ: with its type, unless both have a value.
func received(v wire.Value, both bool) string {
	if v == nil {
		return "none"
	}
	text := v.String()
	if s, ok := v.(wire.String); ok {
		text = string(s)
	}
	if both {
		return "'" + text + "'"
	}
	return "the value '" + text + "' of type '" + field.TypeName(v) + "'"
}

// atom is a kind of exchange as Erlang prints it: quoted if it has more than letters.
func atom(k routing.Kind) string {
	if strings.Contains(string(k), "-") {
		return "'" + string(k) + "'"
	}
	return string(k)
}

// deleteExchange removes an exchange. One that is not there is no error.
func (ch *Channel) deleteExchange(m *wire.ExchangeDelete) *fault.Error {
	h := ch.host
	name := withoutLineEnds(m.Exchange)
	if name == "" {
		return onDefault()
	}
	if strings.HasPrefix(name, "amq.") {
		return fault.Channel(fault.AccessRefused, "deletion of system %s not allowed", h.rs(kindExchange, name))
	}
	if err := ch.check(Configure, kindExchange, name); err != nil {
		return err
	}
	if m.IfUnused && h.graph.HasBindings(name) {
		return fault.Channel(fault.PreconditionFailed, "%s in use", h.rs(kindExchange, name))
	}
	if x, ok := h.graph.Exchange(name); ok {
		h.gone(h.graph.Delete(name))
		h.exchangeGone(x)
	}
	ch.answer(m.NoWait, &wire.ExchangeDeleteOk{})
	return nil
}

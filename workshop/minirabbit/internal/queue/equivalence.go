package queue

import (
	"strconv"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// Equivalent returns what is wrong with declaring the queue again as declare says. Nil if it is the same as before. Owns tells
// that the connection that declares is the one to which the exclusive queue belongs.
//
// RabbitMQ looks at whose the queue is (405), at durable, auto_delete and then at the arguments that the queue's kind knows, and
// names the first that differs (406). Other arguments may differ, and wrong values are only different ones. Whole numbers of
// different types are the same if their values are.
func (s *Settings) Equivalent(v version.Version, declare *wire.QueueDeclare, owns bool) *fault.Error {
	if declare.Exclusive != s.Exclusive || s.Exclusive && !owns {
		return s.Locked()
	}
	if durable := declare.Durable && !declare.Exclusive; durable != s.Durable {
		return s.inequivalent("durable", "'"+strconv.FormatBool(durable)+"'", "'"+strconv.FormatBool(s.Durable)+"'")
	}
	if declare.AutoDelete != s.AutoDelete {
		return s.inequivalent("auto_delete", "'"+strconv.FormatBool(declare.AutoDelete)+"'", "'"+strconv.FormatBool(s.AutoDelete)+"'")
	}
	arguments := withKind(v, declare.Arguments)
	for _, name := range declarable(v, s.Kind) {
		received, _ := arguments.Get(name)
		current, _ := s.Arguments.Get(name)
		if same(name, received, current) {
			continue
		}
		if received != nil && current != nil {
			return s.inequivalent(name, bare(received), bare(current))
		}
		return s.inequivalent(name, typed(received), typed(current))
	}
	return nil
}

func (s *Settings) inequivalent(name, received, current string) *fault.Error {
	return fault.Channel(fault.PreconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s",
		name, s.title(), received, current)
}

// Locked is the answer to a connection that touches an exclusive queue of another one.
func (s *Settings) Locked() *fault.Error {
	return fault.Channel(fault.ResourceLocked, "cannot obtain exclusive access to locked %s. It could be originally declared on "+
		"another connection or the exclusive property value does not match that of the original declaration.", s.title())
}

// same tells whether two arguments count as the same: RabbitMQ compares Erlang's values, which know no types of numbers but
// whole ones and others. Nil stands for none; for x-queue-type that is classic.
func same(name string, x, y wire.Value) bool {
	if name == "x-queue-type" {
		if x == nil {
			x = wire.String("classic")
		}
		if y == nil {
			y = wire.String("classic")
		}
	}
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	return term(x) == term(y)
}

// bare prints a value where both sides have one.
func bare(v wire.Value) string {
	switch v := v.(type) {
	case wire.String:
		return "'" + string(v) + "'"
	case wire.Bytes:
		return "'" + string(v) + "'"
	case wire.Void:
		return "none"
	}
	return "'" + term(v) + "'"
}

// typed prints a value where the other side has none.
func typed(v wire.Value) string {
	if v == nil {
		return "none"
	}
	value := bare(v)
	if _, void := v.(wire.Void); void {
		value = "'undefined'"
	}
	return "the value " + value + " of type '" + field.TypeName(v) + "'"
}

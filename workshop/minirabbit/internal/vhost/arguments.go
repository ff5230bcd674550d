package vhost

import (
	"fmt"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// exchangeArgument reads an argument that names an exchange: rabbit_misc:r_arg. The error is the 406 for one that is no text.
func (h *Host) exchangeArgument(args wire.Table, name, kind, of string) (exchange string, ok bool, err *fault.Error) {
	v, ok := args.Get(name)
	if !ok {
		return "", false, nil
	}
	text, ok := v.(wire.String)
	if !ok {
		return "", false, fault.Channel(fault.PreconditionFailed, "invalid type '%s' for arg '%s' in %s", field.TypeName(v), name, h.rs(kind, of))
	}
	return string(text), true, nil
}

// inequivalent is the 406 of a declaration that differs from what is there.
func (h *Host) inequivalent(argument, kind, name, got, is string) *fault.Error {
	return fault.Channel(fault.PreconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s", argument, h.rs(kind, name), got, is)
}

// quoted is a value as RabbitMQ shows it in that text: a text, or a truth.
func quoted(v any) string { return fmt.Sprintf("'%v'", v) }

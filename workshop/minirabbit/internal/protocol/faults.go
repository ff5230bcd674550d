package protocol

import (
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// frameFault is the error about a frame that is wrong in itself, with the problem as an Erlang term.
func frameFault(f wire.Frame, problem string) *fault.Error {
	return fault.Connection(fault.FrameError, "type %d, %s: %s", f.Type, snippet(f.Payload), problem)
}

// unknownFrame is the error about a frame whose type means nothing or whose payload is too short for it.
func unknownFrame(f wire.Frame) *fault.Error { return frameFault(f, "unknown_frame") }

// unexpectedFrame is the error about a good frame that must not come now.
func unexpectedFrame(f wire.Frame) *fault.Error {
	return fault.Connection(fault.UnexpectedFrame, "type %d, %s", f.Type, snippet(f.Payload))
}

// by puts the method that made the error into it.
func by(id wire.MethodID, err *fault.Error) *fault.Error {
	err.Class, err.Method = id.Class, id.Method
	return err
}

// internal is what RabbitMQ says when it failed itself.
func internal() *fault.Error { return fault.Connection(fault.InternalError, "") }

// unimplemented is the answer to a method that no client sends.
func unimplemented(id wire.MethodID) *fault.Error {
	return by(id, fault.Connection(fault.CommandInvalid, "unimplemented method"))
}

// insideTable tells whether bytes were wrong within a table or array, not around it. RabbitMQ knows no answer to that: the
// process that reads the connection dies.
func insideTable(err *wire.DecodeError) bool { return strings.ContainsAny(err.Field, ".[") }

// cannotDecode is the error about a method whose fields are wrong. payload has the number of the method first.
func cannotDecode(id wire.MethodID, payload []byte) *fault.Error {
	return by(id, fault.Connection(fault.FrameError, "cannot decode %s", binaryNumbers(payload[4:])))
}

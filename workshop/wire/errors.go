package wire

import (
	"fmt"
	"strconv"
)

// DecodeError says where bytes stopped making sense.
type DecodeError struct {
	What    string // "basic.publish", "content header", "frame", "protocol header"
	Field   string // "exchange", "arguments.x-max-length"; empty if the whole is meant
	Offset  int    // in bytes from the start of the payload; for a frame, from the start of the stream
	Problem string // "needs 200 bytes, 3 left"
}

func (e *DecodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("decode %s: byte %d: %s", e.What, e.Offset, e.Problem)
	}
	return fmt.Sprintf("decode %s: %s at byte %d: %s", e.What, readable(e.Field), e.Offset, e.Problem)
}

// EncodeError says which field has a value that AMQP cannot carry.
type EncodeError struct {
	What    string
	Field   string
	Problem string // "has 300 bytes, a short string has 255 at most"
}

func (e *EncodeError) Error() string {
	return fmt.Sprintf("encode %s: %s %s", e.What, readable(e.Field), e.Problem)
}

// readable puts a field in quotes if its name, which may come from the wire, cannot be printed as it is.
func readable(field string) string {
	if quoted := strconv.Quote(field); len(quoted) > len(field)+2 {
		return quoted
	}
	return field
}

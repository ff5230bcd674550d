package protocol

import (
	"encoding/binary"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// assembler puts the frames of one channel together: a method, or a method with its content. AMQP 0-9-1, 4.2.6.
type assembler struct {
	budget *budget

	method    wire.Method // waits for content; nil: a method comes next
	id        wire.MethodID
	header    *wire.ContentHeader // nil: it comes next. Its BodySize is the client's word
	malformed bool                // the properties could not be decoded
	body      []byte
	charged   int   // what the body took of the budget
	remaining int64 // of the body, in bytes; below zero if more came than announced
}

// command is what an assembler has put together.
type command struct {
	method wire.Method
	id     wire.MethodID
	// What follows is nil without content.
	header    *wire.ContentHeader
	body      []byte
	malformed bool // the properties make no sense: RabbitMQ finds out when it needs them
}

// budget limits the bytes of bodies that a connection has begun and not finished.
type budget struct{ left int }

// maxOpenContent is far above what one publisher needs: the largest message RabbitMQ 3.10 takes, twice.
const maxOpenContent = 256 << 20

// accept takes a method frame that was decoded. ok is true if it is a command by itself.
func (a *assembler) accept(m wire.Method, id wire.MethodID) (c command, ok bool) {
	if wire.HasContent(m) {
		a.method, a.id, a.header = m, id, nil
		return command{}, false
	}
	return command{method: m, id: id}, true
}

// acceptContent takes a frame that is no method. ok is true if it ends a command.
func (a *assembler) acceptContent(f wire.Frame, largest int) (c command, ok bool, err *fault.Error) {
	switch {
	case a.method == nil:
		return command{}, false, fault.Connection(fault.UnexpectedFrame, "expected method frame, got non method frame instead")
	case a.header == nil:
		if err := a.begin(f); err != nil {
			return command{}, false, err
		}
	case f.Type != wire.FrameBody:
		return command{}, false, a.noBody()
	default:
		if err := a.grow(f.Payload, largest); err != nil {
			return command{}, false, err
		}
	}
	if a.remaining != 0 {
		return command{}, false, nil
	}
	c = command{method: a.method, id: a.id, header: a.header, body: a.body, malformed: a.malformed}
	a.reset()
	return c, true, nil
}

// interrupted is the error about a method frame where content should come; nil if none should.
func (a *assembler) interrupted() *fault.Error {
	switch {
	case a.method == nil:
		return nil
	case a.header == nil:
		return a.noHeader()
	default:
		return a.noBody()
	}
}

func (a *assembler) noHeader() *fault.Error {
	return by(a.id, fault.Connection(fault.UnexpectedFrame,
		"expected content header for class %d, got non content header frame instead", a.id.Class))
}

func (a *assembler) noBody() *fault.Error {
	return by(a.id, fault.Connection(fault.UnexpectedFrame, "expected content body, got non content body frame instead"))
}

// begin takes the header of a content.
func (a *assembler) begin(f wire.Frame) *fault.Error {
	if f.Type != wire.FrameHeader || binary.BigEndian.Uint16(f.Payload[2:]) != 0 { // the weight: AMQP 0-9-1, 4.2.6.1
		return a.noHeader()
	}
	if class := binary.BigEndian.Uint16(f.Payload); class != a.id.Class {
		return by(a.id, fault.Connection(fault.UnexpectedFrame,
			"expected content header for class %d, got one for class %d instead", a.id.Class, class))
	}
	header, err := wire.DecodeHeader(withoutUnusedFlag(f.Payload))
	if err != nil {
		header = &wire.ContentHeader{Class: a.id.Class, BodySize: binary.BigEndian.Uint64(f.Payload[4:])}
	}
	a.header, a.malformed, a.body = header, err != nil, nil
	a.remaining = int64(min(header.BodySize, 1<<62))
	return nil
}

// withoutUnusedFlag clears the one property flag that means nothing; RabbitMQ does not look at it. The other one of the two
// that stand for no property, the lowest, says that more flags follow.
func withoutUnusedFlag(payload []byte) []byte {
	const flags = 13 // the lower octet of the flags
	if len(payload) > flags && payload[flags]&3 == 2 {
		payload[flags] &^= 2
	}
	return payload
}

// grow adds a body frame. Bodies larger than the broker takes are counted and thrown away: they get their error when they
// are complete, as with RabbitMQ, but cost no memory.
func (a *assembler) grow(part []byte, largest int) *fault.Error {
	a.remaining -= int64(len(part))
	if a.remaining < 0 || a.header.BodySize > uint64(largest) {
		return nil // RabbitMQ waits for a body frame that makes the sum right, and none can
	}
	if a.body == nil && a.remaining == 0 {
		a.body = append(make([]byte, 0, len(part)), part...)
		return nil
	}
	if need := len(a.body) + len(part); need > cap(a.body) {
		size := min(max(2*cap(a.body), need), int(a.header.BodySize))
		if !a.budget.take(size - a.charged) {
			return fault.Connection(fault.ResourceError, "more than %d bytes in unfinished messages", maxOpenContent)
		}
		a.charged = size
		larger := make([]byte, len(a.body), size)
		copy(larger, a.body)
		a.body = larger
	}
	a.body = append(a.body, part...)
	return nil
}

// reset is ready for the next method. The budget gets back what the content took.
func (a *assembler) reset() {
	a.budget.giveBack(a.charged)
	*a = assembler{budget: a.budget}
}

func (b *budget) take(n int) bool {
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) giveBack(n int) { b.left += n }

package protocol

import (
	"encoding/binary"
	"io"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

const (
	headerSize    = 7 // type 1, channel 2, size 4: AMQP 0-9-1, 4.2.3
	frameOverhead = headerSize + 1
	frameEnd      = 0xCE

	smallInput = 2 << 10  // what an idle connection keeps
	largeInput = 64 << 10 // what a busy one reads at once
)

// input cuts what a socket gives into frames, in place. It is for the reader alone.
//
// wire.Decoder does the same for those who look at a connection from outside. It is not used here because RabbitMQ tells a
// frame of unknown type only when it has all of it, takes payloads that are eight bytes too long, and says what was wrong with
// a frame in its own words.
type input struct {
	source   io.Reader
	frameMax uint32 // the limit agreed on, in bytes with the overhead
	buf      []byte
	from, to int // what has been read and not yet returned
}

// buffered returns the next frame if all of it has been read. Its payload is valid until read is called. After an error
// nothing more can be understood: the client and we no longer agree where frames begin.
func (in *input) buffered() (frame wire.Frame, ok bool, err *fault.Error) {
	data := in.buf[in.from:in.to]
	if len(data) < headerSize {
		return wire.Frame{}, false, nil
	}
	frame.Type = wire.FrameType(data[0])
	frame.Channel = binary.BigEndian.Uint16(data[1:])
	size := binary.BigEndian.Uint32(data[3:])
	// RabbitMQ lets the payload be as large as the whole frame may be: "quite a few get it wrong".
	if limit := in.frameMax - frameOverhead; size > limit+frameOverhead {
		return frame, false, frameFault(frame, tooLargeTerm(size, limit))
	}
	total := int(size) + frameOverhead
	if len(data) < total {
		return wire.Frame{}, false, nil
	}
	frame.Payload = data[headerSize : total-1 : total-1]
	if end := data[total-1]; end != frameEnd {
		return frame, false, frameFault(frame, wrongEndTerm(end))
	}
	in.from += total
	return frame, true, nil
}

// take returns the next n bytes, or nil if they have not been read yet.
func (in *input) take(n int) []byte {
	if in.to-in.from < n {
		return nil
	}
	in.from += n
	return in.buf[in.from-n : in.from]
}

// read waits for more bytes and returns how many came. What buffered and take returned is no longer valid.
func (in *input) read() (n int, err error) {
	in.makeRoom()
	n, err = in.source.Read(in.buf[in.to:])
	in.to += n
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// discard forgets what was read.
func (in *input) discard() { in.from, in.to = 0, 0 }

// makeRoom moves what is left to the front of the buffer, and makes the buffer larger if it is full: it grows with what
// came, never with what a client only announces.
func (in *input) makeRoom() {
	rest := in.to - in.from
	full := in.to == len(in.buf)
	if in.from > 0 {
		copy(in.buf, in.buf[in.from:in.to])
		in.from, in.to = 0, rest
	}
	switch {
	case in.buf == nil:
		in.buf = make([]byte, smallInput)
	case rest == len(in.buf), full && len(in.buf) < largeInput:
		larger := make([]byte, 2*len(in.buf))
		copy(larger, in.buf[:rest])
		in.buf = larger
	}
}

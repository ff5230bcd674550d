package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// DefaultFrameMax is the limit of a Decoder whose FrameMax is zero. It is far above what RabbitMQ agrees to by default
// (128 KiB), since RabbitMQ keeps to that only with bodies (errata, section 11), and low enough to see that four bytes
// of rubbish are no size.
const DefaultFrameMax = 16 << 20

// Decoder cuts one direction of a connection into frames. Its zero value is ready. It is not safe for several goroutines.
type Decoder struct {
	// FrameMax is the size of the largest frame accepted, in bytes. It includes the 8 bytes of header and end, as in
	// connection.tune. Zero means DefaultFrameMax. It may be changed between calls of Next.
	FrameMax uint32

	buf    []byte // bytes fed
	pos    int    // where the next item begins in buf
	offset int    // of buf[0] in the stream
	begun  bool   // the first item is through: no protocol header may follow
	err    error  // what Next returns for ever
}

// Item is what a Decoder yields: a frame, or the protocol header with which a connection begins.
type Item struct {
	Protocol *ProtocolHeader // nil if the item is a frame
	Frame    Frame           // zero if the item is a protocol header
	Raw      []byte          // the bytes of the whole item as they came
}

// Feed adds a chunk, cut anywhere. The decoder keeps no reference to it. Payload and Raw of the items that Next returned
// before are no longer valid. After an error of Next, Feed does nothing.
func (d *Decoder) Feed(chunk []byte) {
	if d.err != nil {
		return
	}
	if d.pos > 0 { // move the unfinished rest to the front
		d.offset += d.pos
		d.buf = d.buf[:copy(d.buf, d.buf[d.pos:])]
		d.pos = 0
	}
	d.buf = append(d.buf, chunk...)
}

// Buffered is the number of bytes fed that Next has not returned: not zero at the end of a stream means that it ended
// inside a frame.
func (d *Decoder) Buffered() int { return len(d.buf) - d.pos }

// Rest returns the bytes that Buffered counts: the beginning of a frame or, after an error, all that could not be
// understood. They are the decoder's own buffer: valid until the next Feed.
func (d *Decoder) Rest() []byte { return d.buf[d.pos:len(d.buf):len(d.buf)] }

// Next returns the next complete item. ok is false if more bytes are needed. Payload and Raw are slices of the decoder's
// own buffer: valid until the next Feed.
//
// The error is a *DecodeError: a frame of unknown type, a frame larger than FrameMax, an end octet that is not 0xCE, or a
// protocol header that is none. After an error nothing in the stream can be trusted and every call returns it again.
func (d *Decoder) Next() (item Item, ok bool, err error) {
	if d.err != nil {
		return Item{}, false, d.err
	}
	data := d.buf[d.pos:]
	if len(data) == 0 {
		return Item{}, false, nil
	}
	if !d.begun && data[0] == 'A' {
		return d.protocolHeader(data)
	}
	switch t := FrameType(data[0]); t {
	case FrameMethod, FrameHeader, FrameBody, FrameHeartbeat:
	default:
		return d.fail("frame", "type", 0, fmt.Sprintf("no frame has type %d", data[0]))
	}
	if len(data) < frameOverhead-1 {
		return Item{}, false, nil
	}
	size, limit := uint64(binary.BigEndian.Uint32(data[3:])), uint64(d.FrameMax)
	if limit == 0 {
		limit = DefaultFrameMax
	}
	if size+frameOverhead > limit {
		return d.fail("frame", "size", 3, fmt.Sprintf("%d bytes in all, the limit is %d", size+frameOverhead, limit))
	}
	if uint64(len(data)) < size+frameOverhead {
		return Item{}, false, nil
	}
	total := int(size) + frameOverhead
	if data[total-1] != frameEnd {
		return d.fail("frame", "end", total-1, fmt.Sprintf("the frame ends with 0x%02X instead of 0xCE", data[total-1]))
	}
	d.begun = true
	d.pos += total
	return Item{
		Frame: Frame{
			Type:    FrameType(data[0]),
			Channel: binary.BigEndian.Uint16(data[1:]),
			Payload: data[7 : total-1 : total-1],
		},
		Raw: data[:total:total],
	}, true, nil
}

// protocolHeader reads the item that may begin a connection.
func (d *Decoder) protocolHeader(data []byte) (Item, bool, error) {
	const size = 8
	magic := []byte("AMQP")
	if n := min(len(data), len(magic)); !bytes.Equal(data[:n], magic[:n]) {
		return d.fail("protocol header", "", 0, fmt.Sprintf("%q instead of \"AMQP\"", data[:n]))
	}
	if len(data) < size {
		return Item{}, false, nil
	}
	d.begun = true
	d.pos += size
	h := ProtocolHeader{Protocol: data[4], Major: data[5], Minor: data[6], Revision: data[7]}
	return Item{Protocol: &h, Raw: data[:size:size]}, true, nil
}

// fail remembers the error that ends the stream. at counts from the start of the item.
func (d *Decoder) fail(what, field string, at int, problem string) (Item, bool, error) {
	d.err = &DecodeError{What: what, Field: field, Offset: d.offset + d.pos + at, Problem: problem}
	return Item{}, false, d.err
}

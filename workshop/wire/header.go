package wire

import (
	"encoding/binary"
	"fmt"
)

// ContentHeader announces a body: it follows each method that carries content. AMQP 0-9-1, 4.2.6.1.
type ContentHeader struct {
	Class      uint16 // 60: only basic carries content
	BodySize   uint64 // in bytes; the body frames that follow add up to it; none follows if it is 0
	Properties Properties
}

// classBasic is the only class whose methods carry content.
const classBasic = 60

// DecodeHeader decodes the payload of a header frame. The header keeps nothing of payload. The error is a *DecodeError.
func DecodeHeader(payload []byte) (*ContentHeader, error) {
	const what = "content header"
	var h ContentHeader
	var weight, flags uint16
	d := decoding{data: payload, end: len(payload)}
	d.short("class", &h.Class)
	d.short("weight", &weight)
	d.longlong("body size", &h.BodySize)
	d.short("property flags", &flags)
	if d.err == nil && h.Class != classBasic {
		d.fail("class", 0, fmt.Sprintf("class %d carries no content", h.Class))
	}
	if d.err == nil && weight != 0 {
		d.fail("weight", 2, fmt.Sprintf("must be 0, is %d", weight))
	}
	if d.err == nil && flags&3 != 0 {
		d.fail("property flags", 12, "announce more than 14 properties")
	}
	h.Properties.fields(&d, func(flag uint16, _ bool) bool { return flags&flag != 0 })
	if err := d.finish(what); err != nil {
		return nil, err
	}
	return &h, nil
}

// AppendHeader appends the payload of a header frame to dst and returns the longer slice. It fails as AppendMethod does.
func AppendHeader(dst []byte, h *ContentHeader) ([]byte, error) {
	e := encoding{data: dst}
	e.data = binary.BigEndian.AppendUint16(e.data, h.Class)
	e.data = append(e.data, 0, 0) // weight
	e.data = binary.BigEndian.AppendUint64(e.data, h.BodySize)
	at := len(e.data)
	e.data = append(e.data, 0, 0) // flags, filled in below
	var flags uint16
	h.Properties.fields(&e, func(flag uint16, present bool) bool {
		if present {
			flags |= flag
		}
		return present
	})
	if err := e.finish("content header"); err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint16(e.data[at:], flags)
	return e.data, nil
}

// String gives `19 bytes content-type="text/plain" delivery-mode=2`: the size of the body and the properties present.
func (h *ContentHeader) String() string {
	return plural(h.BodySize) + h.Properties.String()
}

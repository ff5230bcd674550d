package wire

import (
	"encoding/binary"
	"fmt"
)

// A Method is one command or answer of AMQP. Every method is a struct of this package, used by pointer: *BasicPublish,
// *QueueDeclareOk. Its fields have AMQP's names; fields named Reserved1, Reserved2 lost their meaning with AMQP 0-9-1,
// should be zero, and are here so that nothing that was on the wire is lost.
type Method interface {
	// Name is AMQP's name: "basic.publish".
	Name() string
	// ID is the pair of numbers that stands for the name on the wire.
	ID() MethodID
	// String is the method with its fields, for people: `basic.publish exchange="" key="orders"`. Left out are bits that
	// are not set and reserved fields that are zero; secrets are replaced by their size.
	String() string

	// fields shows every field to v, in wire order. It is the only description of the method: see visitor.
	fields(v visitor)
}

// MethodID is the number of a class and the number of a method in it. AMQP 0-9-1, 4.2.4.
type MethodID struct{ Class, Method uint16 }

// String gives "60.40" for basic.publish.
func (id MethodID) String() string { return fmt.Sprintf("%d.%d", id.Class, id.Method) }

// DecodeMethod decodes the payload of a method frame. The method keeps nothing of payload: its bytes may be reused.
// The error is a *DecodeError; an unknown method, a field cut short, bytes left over, bits that have no meaning and
// tables nested deeper than MaxDepth all give one.
func DecodeMethod(payload []byte) (Method, error) {
	if len(payload) < 4 {
		problem := fmt.Sprintf("needs 4 bytes, %d left", len(payload))
		return nil, &DecodeError{What: "method", Field: "method-id", Problem: problem}
	}
	id := MethodID{binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])}
	newMethod, known := registry[id]
	if !known {
		problem := fmt.Sprintf("no method has the number %s", id)
		return nil, &DecodeError{What: "method", Field: "method-id", Problem: problem}
	}
	m := newMethod()
	d := decoding{data: payload, pos: 4, end: len(payload)}
	m.fields(&d)
	if err := d.finish(m.Name()); err != nil {
		return nil, err
	}
	return m, nil
}

// AppendMethod appends the payload of a method frame to dst and returns the longer slice. It fails with an *EncodeError,
// and returns dst as it was, if a short string (most names; AMQP 0-9-1, 4.2.5.3) has more than 255 bytes, a value of a
// table is nil, or tables are nested deeper than MaxDepth.
func AppendMethod(dst []byte, m Method) ([]byte, error) {
	id := m.ID()
	e := encoding{data: dst}
	e.data = binary.BigEndian.AppendUint16(e.data, id.Class)
	e.data = binary.BigEndian.AppendUint16(e.data, id.Method)
	m.fields(&e)
	if err := e.finish(m.Name()); err != nil {
		return dst, err
	}
	return e.data, nil
}

// HasContent tells whether a content header and a body follow m: true for basic.publish, basic.return, basic.deliver and
// basic.get-ok.
func HasContent(m Method) bool {
	switch m.(type) {
	case *BasicPublish, *BasicReturn, *BasicDeliver, *BasicGetOk:
		return true
	}
	return false
}

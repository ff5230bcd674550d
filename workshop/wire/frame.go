package wire

import (
	"encoding/binary"
	"fmt"
)

// FrameType is the first octet of a frame. AMQP 0-9-1, 4.2.3; for the heartbeat, errata, section 12.
type FrameType uint8

// All frame types.
const (
	FrameMethod    FrameType = 1 // payload: DecodeMethod
	FrameHeader    FrameType = 2 // payload: DecodeHeader
	FrameBody      FrameType = 3 // payload: a part of the content
	FrameHeartbeat FrameType = 8 // no payload
)

// String gives "method", "header", "body", "heartbeat".
func (t FrameType) String() string {
	switch t {
	case FrameMethod:
		return "method"
	case FrameHeader:
		return "header"
	case FrameBody:
		return "body"
	case FrameHeartbeat:
		return "heartbeat"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

const (
	frameEnd      = 0xCE // the last octet of each frame: AMQP 0-9-1, 4.2.3
	frameOverhead = 8    // type 1, channel 2, size 4, end 1
)

// Frame is the unit in which AMQP travels: type, channel, payload. AMQP 0-9-1, 4.2.3.
//
//	0      1         3             7                  size+7 size+8
//	+------+---------+-------------+------------------+-----+
//	| type | channel |    size     |     payload      | 0xCE|
//	+------+---------+-------------+------------------+-----+
type Frame struct {
	Type    FrameType
	Channel uint16 // 0 is the connection itself
	Payload []byte
}

// AppendFrame appends the bytes of f to dst. It is for the caller to keep the payload within the negotiated frame-max
// less 8 bytes.
func AppendFrame(dst []byte, f Frame) []byte {
	dst = append(dst, byte(f.Type))
	dst = binary.BigEndian.AppendUint16(dst, f.Channel)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Payload)))
	dst = append(dst, f.Payload...)
	return append(dst, frameEnd)
}

// AppendMethodFrame appends a complete method frame to dst. It fails as AppendMethod does.
func AppendMethodFrame(dst []byte, channel uint16, m Method) ([]byte, error) {
	start := len(dst)
	out := AppendFrame(dst, Frame{Type: FrameMethod, Channel: channel})
	out, err := AppendMethod(out[:len(out)-1], m)
	if err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(out[start+3:], uint32(len(out)-start-7))
	return append(out, frameEnd), nil
}

// ProtocolHeader is what a client says first: the protocol and version it wants to speak. A broker that does not speak it
// answers with the header of one it speaks, and closes. AMQP 0-9-1, 4.2.2.
type ProtocolHeader struct {
	Protocol, Major, Minor, Revision uint8
}

// AMQP091 is the header of AMQP 0-9-1: "AMQP" 0 0 9 1.
var AMQP091 = ProtocolHeader{Protocol: 0, Major: 0, Minor: 9, Revision: 1}

// String gives "AMQP 0-9-1".
func (h ProtocolHeader) String() string {
	if h.Protocol == 0 {
		return fmt.Sprintf("AMQP %d-%d-%d", h.Major, h.Minor, h.Revision)
	}
	return fmt.Sprintf("AMQP protocol %d, %d-%d-%d", h.Protocol, h.Major, h.Minor, h.Revision)
}

// AppendProtocolHeader appends the 8 bytes of h to dst.
func AppendProtocolHeader(dst []byte, h ProtocolHeader) []byte {
	return append(dst, 'A', 'M', 'Q', 'P', h.Protocol, h.Major, h.Minor, h.Revision)
}

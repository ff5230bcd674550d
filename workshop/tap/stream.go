package tap

import (
	"fmt"
	"slices"
	"time"

	"warren.example/workshop/wire"
)

// tlsHandshake is the first byte of a client that speaks TLS: a handshake record. RFC 8446, 5.1.
const tlsHandshake = 22

// excerpt is how many bytes are recorded of what is no AMQP.
const excerpt = 64

// stream is what comes from one side, before it is cut into units.
type stream struct {
	decoder wire.Decoder
	units   assembler
	begun   bool
	opaque  bool // no AMQP, or not any more: bytes pass unread
}

func newStream(bodyLimit int) stream {
	return stream{units: assembler{bodyLimit: bodyLimit, open: map[uint16]*content{}}}
}

// decode cuts a chunk into units and handles them. Tap.mu is held.
func (c *conn) decode(from Side, chunk []byte) {
	s := &c.streams[from-Client]
	if !s.begun && from == Client && chunk[0] == tlsHandshake {
		c.turnOpaque(from, "TLS: it passes unread, since the tap has no CA", nil)
		c.streams[Broker-Client].opaque = true
	}
	s.begun = true
	if s.opaque {
		c.handlePlain(from, chunk)
		return
	}
	s.decoder.Feed(chunk)
	handle := func(u *unit) { c.handle(from, u) }
	for !c.cutOff {
		item, ok, err := s.decoder.Next()
		switch {
		case err != nil:
			s.units.rest(handle)
			rest := s.decoder.Rest()
			c.turnOpaque(from, fmt.Sprintf("no AMQP, it passes unread from here on: %v", err), rest)
			c.handlePlain(from, rest)
			return
		case !ok:
			return
		case item.Protocol != nil:
			c.tap.recording.add(entry{name: kindNames[aHeader], event: Event{
				Conn: c.id, From: from, Text: item.Protocol.String(), kind: aHeader,
			}})
			c.to(from.other()).append(item.Raw, time.Time{})
		case item.Frame.Type == wire.FrameHeartbeat:
			c.to(from.other()).append(item.Raw, time.Time{})
		default:
			s.units.add(item, handle)
		}
	}
}

// decodeRest passes on what is left of a stream that ended inside a frame or a unit. Tap.mu is held.
func (c *conn) decodeRest(from Side) {
	s := &c.streams[from-Client]
	if s.opaque {
		return
	}
	s.units.rest(func(u *unit) { c.handle(from, u) })
	if rest := s.decoder.Rest(); len(rest) > 0 {
		c.handle(from, strange(0, rest, "a frame that is not complete"))
	}
}

// turnOpaque records that what comes from a side can't be read from here on.
func (c *conn) turnOpaque(from Side, why string, bytes []byte) {
	c.streams[from-Client].opaque = true
	c.tap.recording.add(entry{name: kindNames[unreadable], event: Event{
		Conn: c.id, From: from, Text: why, kind: unreadable,
		Body: slices.Clone(bytes[:min(len(bytes), excerpt)]), BodySize: uint64(len(bytes)),
	}})
}

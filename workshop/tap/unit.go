package tap

import (
	"maps"
	"slices"
	"time"

	"warren.example/workshop/wire"
)

// unit is a method with its content on its way through the tap, and what faults decided about it.
type unit struct {
	entry               // what is recorded of it
	raw       []byte    // all its frames, as they came
	conn      *conn     // on which it came
	channel   *channel  // nil on channel 0 and where the tap does not know the channel
	number    uint64    // of a publish in confirm mode: the client's
	nack      *Rule     // of such a publish: NackForAck waits for its ack
	hold      *holding  // of such a publish: HoldConfirm waits for its confirm
	said      answer    // of a confirm: what the broker said
	confirmed []pending // of a confirm: the publishes that it is about
	refused   bool      // of a publish: a fault answers it
	plain     bool      // bytes that are no AMQP
	stopped   bool      // it does not leave, or not now
	due       time.Time // when it may leave; zero: at once
	then      []func()  // what comes when it is recorded, and forwarded if it is
}

// stop takes the unit out: what it was on its way to do is not done.
func (u *unit) stop(fate Fate) {
	u.event.Fate, u.stopped = fate, true
}

// delayUntil makes the unit, and all that comes after it from its side, leave not before due.
func (u *unit) delayUntil(due time.Time) {
	u.event.Fate, u.due = Delayed, due
}

// leaves returns when the unit leaves as things are.
func (u *unit) leaves() time.Time {
	if now := time.Now(); u.due.Before(now) {
		return now
	}
	return u.due
}

// keep returns a copy that stays valid when the pump reads on.
func (u *unit) keep() *unit {
	kept := *u
	kept.raw = slices.Clone(u.raw)
	kept.confirmed = slices.Clone(u.confirmed)
	kept.stopped, kept.due, kept.then = false, time.Time{}, nil
	return &kept
}

// assembler puts frames of one direction together to units. Frames of several channels may be mixed.
type assembler struct {
	bodyLimit int
	open      map[uint16]*content // by channel
}

// content is a method whose header or body is not complete.
type content struct {
	method  wire.Method // nil: nothing is open
	raw     []byte      // all frames so far
	header  []byte      // payload of the header frame; nil until it came
	body    []byte      // as much as is recorded
	size    uint64      // of the whole body, as the header says
	missing uint64      // of it
}

// add takes in a frame that is no heartbeat, and calls yield for each unit that it completes: one, or none, or two if it
// cuts another unit short. Units are valid until the next call.
func (a *assembler) add(item wire.Item, yield func(*unit)) {
	frame := item.Frame
	c := a.open[frame.Channel]
	switch {
	case frame.Type == wire.FrameMethod:
		if c != nil && c.method != nil {
			yield(c.cutShort(frame.Channel))
		}
		method, err := wire.DecodeMethod(frame.Payload)
		if err != nil {
			yield(strange(frame.Channel, item.Raw, err.Error()))
			return
		}
		if !wire.HasContent(method) {
			yield(newUnit(frame.Channel, method, item.Raw))
			return
		}
		if c == nil {
			c = &content{}
			a.open[frame.Channel] = c
		}
		c.begin(method, item.Raw)
	case c == nil || c.method == nil || (frame.Type == wire.FrameHeader) != (c.header == nil):
		if c != nil && c.method != nil {
			yield(c.cutShort(frame.Channel))
		}
		yield(strange(frame.Channel, item.Raw, "a "+frame.Type.String()+" frame where none belongs"))
	case frame.Type == wire.FrameHeader:
		size, ok := bodySize(frame.Payload)
		if !ok {
			yield(c.cutShort(frame.Channel))
			yield(strange(frame.Channel, item.Raw, "a content header that is too short"))
			return
		}
		c.raw = append(c.raw, item.Raw...)
		c.header = slices.Clone(frame.Payload)
		c.size, c.missing = size, size
		if size == 0 {
			yield(c.complete(frame.Channel))
		}
	default:
		c.raw = append(c.raw, item.Raw...)
		recorded := min(len(frame.Payload), a.bodyLimit-len(c.body))
		c.body = append(c.body, frame.Payload[:recorded]...)
		c.missing -= min(c.missing, uint64(len(frame.Payload)))
		if c.missing == 0 {
			yield(c.complete(frame.Channel))
		}
	}
}

// rest calls yield for what is still open at the end of the stream.
func (a *assembler) rest(yield func(*unit)) {
	for _, number := range slices.Sorted(maps.Keys(a.open)) {
		if c := a.open[number]; c.method != nil {
			yield(c.cutShort(number))
		}
	}
}

func (c *content) begin(method wire.Method, raw []byte) {
	const worthKeeping = 1 << 20
	if cap(c.raw) > worthKeeping {
		c.raw = nil
	}
	*c = content{method: method, raw: append(c.raw[:0], raw...)}
}

// complete returns the finished unit.
func (c *content) complete(channel uint16) *unit {
	u := newUnit(channel, c.method, c.raw)
	u.entry.header = c.header
	u.event.Body, u.event.BodySize = c.body, c.size
	c.method = nil
	return u
}

// cutShort returns what there is of a unit whose rest did not come.
func (c *content) cutShort(channel uint16) *unit {
	u := strange(channel, c.raw, c.method.Name()+" whose content is not complete")
	c.method = nil
	return u
}

func newUnit(channel uint16, method wire.Method, raw []byte) *unit {
	u := &unit{raw: raw}
	u.name = method.Name()
	u.event.Channel, u.event.Method = channel, method
	return u
}

// strange returns frames that make no sense as a unit, so that they can pass.
func strange(channel uint16, raw []byte, problem string) *unit {
	u := &unit{raw: raw}
	u.name = kindNames[unreadable]
	u.event.kind, u.event.Channel, u.event.Text = unreadable, channel, problem
	return u
}

// bodySize returns the size that a content header announces, without decoding its properties. AMQP 0-9-1, 4.2.6.1: class,
// weight, body size.
func bodySize(header []byte) (size uint64, ok bool) {
	if len(header) < 12 {
		return 0, false
	}
	for _, b := range header[4:12] {
		size = size<<8 | uint64(b)
	}
	return size, true
}

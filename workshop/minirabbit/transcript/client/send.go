package client

import (
	"fmt"
	"time"

	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// Send sends a method and, if there is some, its content in frames of at most 128 KiB, as RabbitMQ's default wants it.
func (c *Conn) Send(channel uint16, m wire.Method, content *notation.Content) error {
	bytes, err := wire.AppendMethodFrame(nil, channel, m)
	if err != nil {
		return err
	}
	if content != nil {
		h := &wire.ContentHeader{Class: 60, BodySize: uint64(len(content.Body)), Properties: content.Properties}
		payload, err := wire.AppendHeader(nil, h)
		if err != nil {
			return err
		}
		bytes = wire.AppendFrame(bytes, wire.Frame{Type: wire.FrameHeader, Channel: channel, Payload: payload})
		const most = 128<<10 - 8
		for rest := content.Body; len(rest) > 0; {
			n := min(len(rest), most)
			bytes = wire.AppendFrame(bytes, wire.Frame{Type: wire.FrameBody, Channel: channel, Payload: rest[:n]})
			rest = rest[n:]
		}
	}
	return c.Write(bytes)
}

// Write sends bytes as they are. A broker that closed the connection meanwhile is no error: the events tell.
func (c *Conn) Write(bytes []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.socket.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return nil
	}
	if _, err := c.socket.Write(bytes); err != nil {
		select {
		case <-c.done:
		case <-time.After(5 * time.Second):
			return fmt.Errorf("send %d bytes: %w", len(bytes), err)
		}
	}
	return nil
}

// Login describes a handshake.
type Login struct {
	User, Password, VHost string
	ChannelMax            uint16     // 0: what the broker proposes
	FrameMax              uint32     // in bytes; 0: what the broker proposes
	Heartbeat             uint16     // in seconds; 0: none
	Capabilities          wire.Table // nil: all that amqp091-go announces
}

// capabilities is what amqp091-go announces.
var capabilities = wire.Table{
	{Name: "connection.blocked", Value: wire.Bool(true)},
	{Name: "consumer_cancel_notify", Value: wire.Bool(true)},
	{Name: "basic.nack", Value: wire.Bool(true)},
	{Name: "publisher_confirms", Value: wire.Bool(true)},
	{Name: "authentication_failure_close", Value: wire.Bool(true)},
}

// Handshake opens the connection. It returns what the broker said, up to open-ok or whatever ended it early.
func (c *Conn) Handshake(l Login, patience time.Duration) ([]Event, error) {
	if l.Capabilities == nil {
		l.Capabilities = capabilities
	}
	var said []Event
	deadline := time.Now().Add(patience)
	step := func(want string, methods ...wire.Method) (bool, error) {
		for _, m := range methods {
			if err := c.Send(0, m, nil); err != nil {
				return false, err
			}
		}
		e, ok := c.Take(0, deadline, func(Event) bool { return true })
		if !ok {
			return false, fmt.Errorf("no %s came", want)
		}
		said = append(said, e)
		return e.Name() == want, nil
	}
	if err := c.Write(wire.AppendProtocolHeader(nil, wire.AMQP091)); err != nil {
		return nil, err
	}
	if ok, err := step("connection.start"); !ok {
		return said, err
	}
	startOk := &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Name: "product", Value: wire.String("transcript")}, {Name: "capabilities", Value: l.Capabilities}},
		Mechanism:        "PLAIN",
		Response:         "\x00" + l.User + "\x00" + l.Password,
		Locale:           "en_US",
	}
	if ok, err := step("connection.tune", startOk); !ok {
		return said, err
	}
	tune := said[1].Method.(*wire.ConnectionTune)
	tuneOk := &wire.ConnectionTuneOk{ChannelMax: l.ChannelMax, FrameMax: l.FrameMax, Heartbeat: l.Heartbeat}
	if tuneOk.ChannelMax == 0 {
		tuneOk.ChannelMax = tune.ChannelMax
	}
	if tuneOk.FrameMax == 0 {
		tuneOk.FrameMax = tune.FrameMax
	}
	_, err := step("connection.open-ok", tuneOk, &wire.ConnectionOpen{VirtualHost: l.VHost})
	return said, err
}

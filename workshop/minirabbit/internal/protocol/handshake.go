package protocol

import (
	"bytes"
	"fmt"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// What the broker offers in connection.tune: RabbitMQ's defaults.
const (
	offeredChannelMax = 2047
	offeredFrameMax   = 131072
	offeredHeartbeat  = 60 // seconds
)

// protocolHeader reads the first eight bytes. It returns false if there are not so many, or if the connection is over.
func (c *connection) protocolHeader() bool {
	header := c.input.take(8)
	if header == nil {
		return false
	}
	switch {
	case bytes.Equal(header, []byte("AMQP\x00\x00\x09\x01")):
	case bytes.Equal(header, []byte("AMQP\x01\x01\x00\x09")): // 0-9, as some clients say it; RabbitMQ takes it for 0-9-1
	default:
		c.because(fmt.Sprintf("unknown protocol header %q", header))
		c.greeted, c.deaf = true, true
		c.state = closed
		c.out.put(item{raw: wire.AppendProtocolHeader(nil, wire.AMQP091)})
		c.out.finish()
		return false
	}
	c.greeted = true
	c.send(0, &wire.ConnectionStart{
		VersionMinor:     9,
		ServerProperties: serverProperties(c.server.config.Version),
		Mechanisms:       mechanisms(c.server.config.Version),
		Locales:          "en_US",
	})
	return true
}

// startOk logs the client in.
func (c *connection) startOk(m *wire.ConnectionStartOk) {
	c.properties = m.ClientProperties
	name, password, err := c.credentials(m)
	if err != nil {
		c.cut(err.Error())
		return
	}
	user, ok := c.server.config.Broker.Login(name, password, c.socket.RemoteAddr().String())
	if !ok {
		c.refuse(m.Mechanism, name)
		return
	}
	c.user = user
	c.state = tuning
	c.send(0, &wire.ConnectionTune{ChannelMax: offeredChannelMax, FrameMax: offeredFrameMax, Heartbeat: offeredHeartbeat})
}

// refuse tells a client that understands it why it may not come in (rabbitmq.com/docs/auth-notification); to others nothing
// is said. Who it was is for the log.
func (c *connection) refuse(mechanism, name string) {
	c.because(fmt.Sprintf("%s login refused for user '%s': name or password is wrong, or guest comes from another machine",
		mechanism, name))
	err := fault.Connection(fault.AccessRefused,
		"Login was refused using authentication mechanism %s. For details see the broker logfile.", mechanism)
	if !c.capable("authentication_failure_close") {
		c.cut(err.Error())
		return
	}
	c.send(0, &wire.ConnectionClose{ReplyCode: err.Code, ReplyText: err.Text})
	c.state = closed
	c.endIn(c.server.config.Grace, "the client did not leave")
}

// tuneOk takes the limits that the client chose. RabbitMQ drops clients that exceed its own without telling them why; the
// text is in its log only.
func (c *connection) tuneOk(m *wire.ConnectionTuneOk) {
	smallest := c.server.config.Version.MinFrameMax()
	if text := outOfRange("frame_max", m.FrameMax, smallest, offeredFrameMax); text != "" {
		c.cut(text)
		return
	}
	if text := outOfRange("channel_max", uint32(m.ChannelMax), 1, offeredChannelMax); text != "" {
		c.cut(text)
		return
	}
	c.tuned = *m
	c.input.frameMax = m.FrameMax
	c.writer.frameMax.Store(m.FrameMax)
	c.heartbeat = startHeartbeat(c, m.Heartbeat)
	c.state = opening
}

// outOfRange returns RabbitMQ's text about a value that is not between the limits, and "" if it is. Zero means no limit, so
// it is above all.
func outOfRange(field string, value, least, most uint32) string {
	const text = "NOT_ALLOWED - negotiated %s = %d%s is %s than the %s allowed value (%d)"
	switch {
	case value == 0 && field == "channel_max":
		return fmt.Sprintf(text, field, value, " (no limit)", "higher", "maximum", most)
	case value == 0 || value > most:
		return fmt.Sprintf(text, field, value, "", "higher", "maximum", most)
	case value < least:
		return fmt.Sprintf(text, field, value, "", "lower", "minimum", least)
	}
	return ""
}

// open enters the virtual host.
func (c *connection) open(m *wire.ConnectionOpen) {
	b := c.server.config.Broker
	registered, err := b.Open(broker.Peer{
		Name:       c.name,
		Node:       c.server.config.Node,
		User:       c.user,
		Host:       m.VirtualHost,
		Properties: c.properties,
		Address:    c.socket.RemoteAddr().String(),
		ChannelMax: c.tuned.ChannelMax,
		FrameMax:   c.tuned.FrameMax,
		Heartbeat:  c.tuned.Heartbeat,
		TLS:        c.secure(),
		Close:      func(err *fault.Error) { c.leave(notice{close: err}) },
		Alarm:      func(reason string) { c.leave(notice{alarm: &reason}) },
	})
	if err != nil {
		c.fail(by(m.ID(), err))
		return
	}
	c.registered = registered
	c.mu.Lock()
	c.host = registered.Conn
	c.mu.Unlock()
	c.stay()
	c.state = running
	c.alarm = b.Alarm()
	c.send(0, &wire.ConnectionOpenOk{})
	c.record(ConnectionOpened, 0, fmt.Sprintf("user '%s', vhost '%s'", c.user.Name, m.VirtualHost))
}

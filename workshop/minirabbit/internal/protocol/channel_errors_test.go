package protocol_test

import (
	"slices"

	"warren.example/workshop/wire"
)

// declare is the payload of a queue.declare with the last bytes, those of its empty table, replaced.
func declare(c *client, table ...byte) []byte {
	payload := encoded(c.t, &wire.QueueDeclare{Queue: "abc"})
	return slices.Concat(payload[:len(payload)-4], table)
}

const notFound = `1 channel.close code=404 text="NOT_FOUND - no queue 'nowhere' in vhost '/'" class-id=50 method-id=10`

var missing = &wire.QueueDeclare{Queue: "nowhere", Passive: true}

var channelErrors = []conversation{
	{"method before channel.open", connected, func(c *client) { c.send(1, &wire.QueueDeclare{}) }, []string{
		closing("504", "CHANNEL_ERROR - expected 'channel.open'", "50", "10"),
	}},
	{"channel.close before channel.open", connected, func(c *client) { c.send(1, &wire.ChannelClose{}) }, []string{
		closing("504", "CHANNEL_ERROR - expected 'channel.open'", "20", "40"),
	}},
	{"message before channel.open", connected, func(c *client) { c.publish(1, "x", "") }, []string{
		closing("504", "CHANNEL_ERROR - expected 'channel.open'", "60", "40"),
	}},
	{"channel.open twice", openChannel, func(c *client) { c.send(1, &wire.ChannelOpen{}) }, []string{
		closing("504", "CHANNEL_ERROR - second 'channel.open' seen", "20", "10"),
	}},
	{"connection.close on a channel", openChannel, func(c *client) { c.send(1, &wire.ConnectionClose{}) }, []string{
		closing("503", "COMMAND_INVALID - unimplemented method", "10", "50"),
	}},
	{"a broker's method", openChannel, func(c *client) { c.send(1, &wire.QueueDeclareOk{}) }, []string{
		closing("503", "COMMAND_INVALID - unimplemented method", "50", "11"),
	}},
	{"a broker's message", openChannel, func(c *client) {
		c.send(1, &wire.BasicDeliver{})
		c.header(1, 0)
	}, []string{closing("503", "COMMAND_INVALID - unimplemented method", "60", "60")}},
	{"channel.close-ok without channel.close", openChannel, func(c *client) { c.send(1, &wire.ChannelCloseOk{}) }, []string{
		closing("503", "COMMAND_INVALID - unimplemented method", "20", "41"),
	}},
	{"flow on", openChannel, func(c *client) { c.send(1, &wire.ChannelFlow{Active: true}) }, []string{"1 channel.flow-ok active"}},
	{"flow off", openChannel, func(c *client) { c.send(1, &wire.ChannelFlow{}) }, []string{
		closing("540", "NOT_IMPLEMENTED - active=false", "20", "20"),
	}},
	{"access.request", openChannel, func(c *client) { c.send(1, &wire.AccessRequest{Realm: "/"}) }, []string{"1 access.request-ok ticket=1"}},
	{"fields cut short", openChannel, func(c *client) {
		c.frame(wire.FrameMethod, 1, declare(c, 0, 0)...)
	}, []string{closing("501", "FRAME_ERROR - cannot decode <<0,0,3,97,98,99,0,0,0>>", "50", "10")}},
	{"bytes left over", openChannel, func(c *client) {
		c.frame(wire.FrameMethod, 1, declare(c, 0, 0, 0, 0, 1)...)
	}, []string{closing("501", "FRAME_ERROR - cannot decode <<0,0,3,97,98,99,0,0,0,0,0,1>>", "50", "10")}},
	{"table longer than the method", openChannel, func(c *client) {
		c.frame(wire.FrameMethod, 1, declare(c, 0, 0, 0, 9, 1, 'a', 'V')...)
	}, []string{closing("501", "FRAME_ERROR - cannot decode <<0,0,3,97,98,99,0,0,0,0,9,1,97,86>>", "50", "10")}},
	{"unknown type in a table", openChannel, func(c *client) {
		c.frame(wire.FrameMethod, 1, declare(c, 0, 0, 0, 3, 1, 'a', '?')...)
	}, []string{"closed"}},
	{"text in a table longer than the table", openChannel, func(c *client) {
		c.frame(wire.FrameMethod, 1, declare(c, 0, 0, 0, 7, 1, 'a', 'S', 0, 0, 0, 9)...)
	}, []string{"closed"}},
	{"bits that mean nothing", openChannel, func(c *client) {
		payload := encoded(c.t, &wire.ConfirmSelect{})
		payload[len(payload)-1] = 0xF0
		c.frame(wire.FrameMethod, 1, payload...)
	}, []string{"1 confirm.select-ok"}},
	{"name that is no UTF-8", openChannel, func(c *client) { c.send(1, &wire.QueueDeclare{Queue: "\xff"}) }, []string{
		closing("501", "FRAME_ERROR - Malformed UTF-8 in shortstr", "0", "0"),
	}},
	{"routing key that is no UTF-8", openChannel, func(c *client) {
		c.send(1, &wire.ConfirmSelect{})
		c.want("1 confirm.select-ok")
		c.publish(1, "\xff", "")
	}, []string{"1 basic.ack tag=1"}},
	{"after the error of a channel all is ignored, but close and close-ok", openChannel, func(c *client) {
		c.send(1, missing, missing)
		c.publish(1, "x", "y")
		c.want(notFound)
		c.send(1, &wire.ChannelClose{}, &wire.ChannelClose{}, &wire.ChannelCloseOk{})
		c.want("1 channel.close-ok", "1 channel.close-ok")
		c.send(1, &wire.ChannelOpen{})
	}, []string{"1 channel.open-ok"}},
	{"channel.open while a channel closes", openChannel, func(c *client) {
		c.send(1, missing)
		c.want(notFound)
		c.send(1, &wire.ChannelOpen{})
	}, []string{closing("504", "CHANNEL_ERROR - second 'channel.open' seen", "20", "10")}},
	{"content without method while a channel closes", openChannel, func(c *client) {
		c.send(1, missing)
		c.want(notFound)
		c.header(1, 0)
	}, []string{closing("505", "UNEXPECTED_FRAME - expected method frame, got non method frame instead", "0", "0")}},
	{"a number can be used again", openChannel, func(c *client) {
		c.send(1, &wire.ChannelClose{})
		c.want("1 channel.close-ok")
		c.send(1, &wire.ChannelOpen{})
	}, []string{"1 channel.open-ok"}},
	{"method after channel.close", openChannel, func(c *client) {
		c.send(1, &wire.ChannelClose{})
		c.want("1 channel.close-ok")
		c.send(1, &wire.QueueDeclare{})
	}, []string{closing("504", "CHANNEL_ERROR - expected 'channel.open'", "50", "10")}},
}

var contentErrors = []conversation{
	{"header without method", openChannel, func(c *client) { c.header(1, 0) }, []string{
		closing("505", "UNEXPECTED_FRAME - expected method frame, got non method frame instead", "0", "0"),
	}},
	{"method instead of a header", openChannel, func(c *client) { c.send(1, &wire.BasicPublish{}, &wire.QueueDeclare{}) }, []string{
		closing("505", "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead", "60", "40"),
	}},
	{"body instead of a header", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{})
		c.frame(wire.FrameBody, 1, 'x')
	}, []string{closing("505", "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead", "60", "40")}},
	{"header of another class", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{})
		c.frame(wire.FrameHeader, 1, bytesOf(50, 0, 0, 0, 0, 0, 0)...)
	}, []string{closing("505", "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead", "60", "40")}},
	{"header with a weight", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{})
		c.frame(wire.FrameHeader, 1, bytesOf(60, 1, 0, 0, 0, 0, 0)...)
	}, []string{closing("505", "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead", "60", "40")}},
	{"method instead of a body", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{})
		c.header(1, 5)
		c.send(1, &wire.QueueDeclare{})
	}, []string{closing("505", "UNEXPECTED_FRAME - expected content body, got non content body frame instead", "60", "40")}},
	{"body longer than announced", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{})
		c.header(1, 2)
		c.frame(wire.FrameBody, 1, []byte("abc")...)
		c.send(1, &wire.QueueDeclare{})
	}, []string{closing("505", "UNEXPECTED_FRAME - expected content body, got non content body frame instead", "60", "40")}},
	{"empty body frames", openChannel, func(c *client) {
		c.send(1, &wire.ConfirmSelect{}, &wire.BasicPublish{RoutingKey: "nowhere"})
		c.header(1, 2)
		for _, part := range []string{"", "a", "", "b"} {
			c.frame(wire.FrameBody, 1, []byte(part)...)
		}
	}, []string{"1 confirm.select-ok", "1 basic.ack tag=1"}},
	{"properties cut short", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{RoutingKey: "nowhere"})
		c.frame(wire.FrameHeader, 1, bytesOf(60, 0, 0, 0, 0, 0, 0xFFFF)...)
	}, []string{closing("541", "INTERNAL_ERROR", "0", "0")}},
	{"property flag that means nothing", openChannel, func(c *client) {
		c.send(1, &wire.ConfirmSelect{}, &wire.BasicPublish{RoutingKey: "nowhere"})
		c.frame(wire.FrameHeader, 1, bytesOf(60, 0, 0, 0, 0, 0, 2)...)
	}, []string{"1 confirm.select-ok", "1 basic.ack tag=1"}},
	{"payload eight bytes too long", openChannel, func(c *client) {
		c.send(1, &wire.ConfirmSelect{}, &wire.BasicPublish{RoutingKey: "nowhere"})
		c.header(1, 131072)
		c.frame(wire.FrameBody, 1, make([]byte, 131072)...)
	}, []string{"1 confirm.select-ok", "1 basic.ack tag=1"}},
	{"immediate", openChannel, func(c *client) {
		c.send(1, &wire.BasicPublish{Immediate: true})
		c.header(1, 0)
	}, []string{closing("540", "NOT_IMPLEMENTED - immediate=true", "60", "40")}},
}

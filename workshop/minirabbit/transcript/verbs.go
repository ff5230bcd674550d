package transcript

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// line does one line of a script. First words:
//
//	c1 …, c1.2 …        something on a connection or a channel: see target
//	put, drain, count   the runner's own connection: see own.go
//	user, permit, …     the management API: see admin.go
//	broker …            stop, start, kill, alarm, calm: see Broker.Control
//	spread …            placement of keys: see spread.go
func (r *session) line(line string) error {
	words, err := notation.Words(line)
	if err != nil {
		return err
	}
	switch words[0] {
	case "put":
		return r.put(words[1:])
	case "drain":
		return r.drain(words[1:])
	case "count":
		return r.count(words[1:])
	case "spread":
		return r.spread(words[1:])
	case "user", "permit", "permit-topic", "forbid", "delete-user", "delete-host", "disconnect", "gone":
		return r.admin(words)
	case "broker":
		return r.control(words[1:])
	}
	return r.target(words)
}

// target does a line that begins with a connection or a channel. Second words:
//
//	a method's name     sent with its fields and its content; its answer, if it has one, is waited for
//	send METHOD …       the same, but the channel is not opened before, and no answer is waited for
//	await 3 [kind …]    the next three events, of these kinds if kinds are given
//	confirms 5          the fate of all messages published up to the fifth
//	rest                all that came and was not asked for yet; nothing is said of a channel that is not open
//	fence               all is dealt with that was sent on this channel
//	dial                opens a socket and says nothing; the script does the handshake
//	hello               AMQP's protocol header; connection.start is waited for
//	connect …           a handshake with user=, password=, host=, frame-max=, channel-max=, heartbeat=, capabilities=
//	protocol 0 9 1 …    a protocol header of four numbers
//	bytes 01ff…         anything
//	frame 3 01ff…       a frame of this type with this payload
//	header 60 5 …       a content header: class, size of the body, properties
//	body TEXT           a body frame
//	manual              from now on the script answers channel.close and connection.close itself
//	heartbeats 2        two heartbeats came
//	hangup              the socket is closed without a word
func (r *session) target(words []string) error {
	name, channelText, isChannel := strings.Cut(words[0], ".")
	n, err := strconv.Atoi(strings.TrimPrefix(name, "c"))
	if err != nil || !strings.HasPrefix(name, "c") || len(words) < 2 {
		return fmt.Errorf("%q is no operation", words[0])
	}
	var number uint64
	if isChannel {
		if number, err = strconv.ParseUint(channelText, 10, 16); err != nil {
			return fmt.Errorf("channel %q: %w", channelText, err)
		}
	}
	verb, rest := words[1], words[2:]
	switch verb {
	case "dial":
		c, err := r.dial(n)
		if err == nil {
			c.raw = true
		}
		return err
	case "connect":
		return r.connect(n, rest)
	}
	c := r.connections[n]
	if verb == "rest" && (c == nil || c.dead) {
		return nil
	}
	if c == nil || c.dead && !c.raw && verb != "await" { // what came before the end may still be asked for
		if c, err = r.use(n); err != nil {
			return err
		}
	}
	return r.verb(c, uint16(number), verb, rest)
}

func (r *session) verb(c *connection, number uint16, verb string, rest []string) error {
	switch verb {
	case "send":
		m, content, err := notation.Parse(rest)
		if err != nil {
			return err
		}
		return c.Send(number, m, content)
	case "await":
		return r.await(c, number, rest)
	case "confirms":
		return r.confirms(c, number, rest)
	case "rest":
		r.rest(c, number)
	case "fence":
		r.fence(c, number)
	case "manual":
		c.manual = true
	case "hangup":
		c.Hangup()
		c.dead = true
	case "heartbeats":
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		if !c.WaitBeats(n, r.deadline()) {
			r.timeout("no %d heartbeats", n)
		}
	case "hello":
		if err := c.Write(wire.AppendProtocolHeader(nil, wire.AMQP091)); err != nil {
			return err
		}
		r.answer(c, 0, []string{"connection.start"}, true)
	case "protocol", "bytes", "frame", "header", "body":
		bytes, err := raw(number, verb, rest)
		if err != nil {
			return err
		}
		return c.Write(bytes)
	default:
		m, content, err := notation.Parse(append([]string{verb}, rest...))
		if err != nil {
			return err
		}
		if verb != "channel.open" {
			if err := r.open(c, number); err != nil {
				return err
			}
		}
		return r.do(c, number, m, content)
	}
	return nil
}

// raw makes the bytes of protocol, bytes, frame, header and body.
func raw(channel uint16, verb string, rest []string) ([]byte, error) {
	switch verb {
	case "protocol":
		bytes := []byte("AMQP")
		for _, word := range rest {
			n, err := strconv.ParseUint(word, 10, 8)
			if err != nil {
				return nil, err
			}
			bytes = append(bytes, byte(n))
		}
		return bytes, nil
	case "bytes":
		return hex.DecodeString(strings.Join(rest, ""))
	case "frame":
		kind, err := strconv.ParseUint(rest[0], 10, 8)
		if err != nil {
			return nil, err
		}
		payload, err := hex.DecodeString(strings.Join(rest[1:], ""))
		return wire.AppendFrame(nil, wire.Frame{Type: wire.FrameType(kind), Channel: channel, Payload: payload}), err
	case "header":
		class, err := strconv.ParseUint(rest[0], 10, 16)
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseUint(rest[1], 10, 64)
		if err != nil {
			return nil, err
		}
		properties, err := notation.ParseProperties(rest[2:])
		if err != nil {
			return nil, err
		}
		payload, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: uint16(class), BodySize: size, Properties: properties})
		return wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHeader, Channel: channel, Payload: payload}), err
	default: // body
		content, err := notation.ParseBody(rest[0])
		return wire.AppendFrame(nil, wire.Frame{Type: wire.FrameBody, Channel: channel, Payload: content}), err
	}
}

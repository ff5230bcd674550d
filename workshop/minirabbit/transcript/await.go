package transcript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/minirabbit/transcript/client"
	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// await takes the next events of a channel: "3", or "3 basic.deliver basic.cancel" to leave others where they are.
func (r *session) await(c *connection, number uint16, words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return fmt.Errorf("await how many? %w", err)
	}
	kinds := words[1:]
	deadline := r.deadline()
	for i := range n {
		e, ok := c.Take(number, deadline, func(e client.Event) bool {
			return len(kinds) == 0 || slices.Contains(kinds, e.Name())
		})
		if !ok && c.Ended() {
			r.say("nothing more: the connection has ended")
			return nil
		}
		if !ok {
			r.timeout("%d of %d came", i, n)
			return nil
		}
		r.say("%s%s", place(c, e, number), r.seen(c, e))
		if c.dead && e.Name() == "end" {
			return nil
		}
	}
	return nil
}

// rest takes everything that came on a channel, after a fence if the channel is open.
func (r *session) rest(c *connection, number uint16) {
	if ch := c.channels[number]; ch != nil && ch.open {
		r.fence(c, number)
	}
	for _, e := range c.TakeAll(number) {
		r.say("%s", r.seen(c, e))
	}
}

// confirms waits until messages 1 to n of a channel in confirm mode are acked or nacked, and writes the fate of each
// that has not been written: how a broker bundles confirms is its own affair.
func (r *session) confirms(c *connection, number uint16, words []string) error {
	n, err := strconv.ParseUint(words[0], 10, 64)
	if err != nil {
		return fmt.Errorf("confirms up to where? %w", err)
	}
	ch, deadline := c.channel(number), r.deadline()
	for ch.missing(n) {
		e, ok := c.Take(number, deadline, func(e client.Event) bool {
			return e.Name() == "basic.ack" || e.Name() == "basic.nack" || e.Name() == "channel.close"
		})
		if !ok {
			r.timeout("confirmed so far: %s", ch.fates(n))
			return nil
		}
		var twice bool
		switch m := e.Method.(type) {
		case *wire.BasicAck:
			twice = ch.settle("ack", m.DeliveryTag, m.Multiple)
		case *wire.BasicNack:
			twice = ch.settle("nack", m.DeliveryTag, m.Multiple)
		default:
			r.say("%s%s", place(c, e, number), r.seen(c, e))
			return nil
		}
		if twice {
			r.say("%s CONFIRMS TWICE", r.names.event(e))
		}
	}
	r.say("%s", ch.fates(n))
	return nil
}

// settle notes a confirm. It tells whether the broker had confirmed the message before.
func (ch *channel) settle(fate string, tag uint64, multiple bool) (twice bool) {
	if !multiple {
		twice = ch.settled[tag] != "" || tag <= ch.cutoff
		ch.settled[tag] = fate
		return twice
	}
	for t := ch.cutoff + 1; t <= tag; t++ {
		if ch.settled[t] == "" {
			ch.settled[t] = fate
		}
	}
	return false
}

func (ch *channel) missing(n uint64) bool {
	for t := ch.cutoff + 1; t <= n; t++ {
		if ch.settled[t] == "" {
			return true
		}
	}
	return false
}

// fates gives "ack 1-3, nack 4" and begins anew after n.
func (ch *channel) fates(n uint64) string {
	var parts []string
	for t := ch.cutoff + 1; t <= n; {
		fate, last := ch.settled[t], t
		for last < n && ch.settled[last+1] == fate {
			last++
		}
		switch {
		case fate == "":
			parts = append(parts, fmt.Sprintf("nothing for %d-%d", t, last))
		case last == t:
			parts = append(parts, fmt.Sprintf("%s %d", fate, t))
		default:
			parts = append(parts, fmt.Sprintf("%s %d-%d", fate, t, last))
		}
		t = last + 1
	}
	ch.cutoff = n
	return strings.Join(parts, ", ")
}

// connect opens a connection in a way of its own and writes the handshake.
func (r *session) connect(n int, words []string) error {
	login := r.login
	for _, word := range words {
		name, text, _ := strings.Cut(word, "=")
		number, numberErr := strconv.ParseUint(text, 10, 32)
		switch name {
		case "user":
			login.User, numberErr = text, nil
		case "password":
			login.Password, numberErr = text, nil
		case "host":
			login.VHost, numberErr = text, nil
		case "frame-max":
			login.FrameMax = uint32(number)
		case "channel-max":
			login.ChannelMax = uint16(number)
		case "heartbeat":
			login.Heartbeat = uint16(number)
		case "capabilities":
			login.Capabilities, numberErr = notation.ParseTable(text)
		default:
			return fmt.Errorf("connect knows no %s", name)
		}
		if numberErr != nil {
			return fmt.Errorf("connect %s: %w", name, numberErr)
		}
	}
	c, err := r.dial(n)
	if err != nil {
		return err
	}
	said, err := c.Handshake(login, r.broker.patience())
	for _, e := range said {
		if text := r.seen(c, e); e.Name() != "connection.start" { // always the same; the script handshake/start has it
			r.say("%s", text)
		}
	}
	if err != nil {
		r.timeout("%s", err)
	}
	return nil
}

package tap

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/wire"
)

// String returns the event in one line:
//
//	you → broker  basic.publish exchange="" key="orders" 19 bytes
//	broker → you  basic.ack tag=2 (dropped: drop the 2nd basic.ack from broker)
//	tap  handler of order-7 runs
func (e Event) String() string {
	text := e.brief()
	if e.Fate == Passed {
		return text
	}
	if e.Fault == "" {
		return fmt.Sprintf("%s (%s)", text, e.Fate)
	}
	return fmt.Sprintf("%s (%s: %s)", text, e.Fate, e.Fault)
}

// brief is String without the fate.
func (e Event) brief() string { return shortTags(e.whole()) }

// ownTag is the consumer tag that amqp091-go makes of the program's path, as wire prints it; a test's path is long and says
// nothing.
var ownTag = regexp.MustCompile(`consumer="ctag-[^"]*[/\\]`)

// shortTags leaves the folders out of such tags: `consumer="ctag-…/rpc.test-1"`.
func shortTags(text string) string {
	return ownTag.ReplaceAllLiteralString(text, `consumer="ctag-…/`)
}

// whole is brief with each consumer tag as it is.
func (e Event) whole() string {
	switch {
	case e.From == Here && e.Method != nil:
		return "tap → broker  " + e.Method.String()
	case e.From == Here:
		return "tap  " + e.Text
	case e.Method == nil:
		return fmt.Sprintf("%s → %s  %s: %s", e.From, e.From.other(), e.Name(), e.Text)
	}
	return fmt.Sprintf("%s → %s  %s%s", e.From, e.From.other(), e.Method, e.size())
}

// size returns " 19 bytes" for methods that have content.
func (e Event) size() string {
	switch {
	case e.Method == nil || !wire.HasContent(e.Method):
		return ""
	case e.BodySize == 1:
		return " 1 byte"
	}
	return " " + strconv.FormatUint(e.BodySize, 10) + " bytes"
}

// Short returns events in one line: `broker→you deliver tag=7 · you→broker ack tag=7`. The class basic is left out, and so
// is what tells least.
func Short(events ...Event) string { return strings.Join(Shorts(events), " · ") }

// Shorts returns the texts of which Short makes a line, one for each event. Where the events are of several channels or
// connections, the texts say of which: `you→broker (channel 2) ack tag=7`.
func Shorts(events []Event) []string {
	channels, conns := map[uint16]bool{}, map[int]bool{}
	for _, e := range events {
		if e.Conn != 0 {
			conns[e.Conn] = true
		}
		if e.Channel != 0 {
			channels[e.Channel] = true
		}
	}
	texts := make([]string, len(events))
	for i, e := range events {
		var of []string
		if len(conns) > 1 && e.Conn != 0 {
			of = append(of, fmt.Sprintf("connection %d", e.Conn))
		}
		if len(channels) > 1 && e.Channel != 0 {
			of = append(of, fmt.Sprintf("channel %d", e.Channel))
		}
		texts[i] = e.short(strings.Join(of, ", "))
	}
	return texts
}

// short returns an event's part of a line. of says on which connection or channel it was; "" for who can't mistake it.
func (e Event) short(of string) string {
	if e.From == Here && e.Method == nil {
		return "[" + e.Text + "]"
	}
	from, to := e.From, e.From.other()
	if from == Here {
		to = Broker
	}
	if of != "" {
		of = "(" + of + ") "
	}
	text := fmt.Sprintf("%s→%s %s%s", from, to, of, e.Gist())
	if e.Fate != Passed {
		text += " (" + e.Fate.String() + ")"
	}
	return text
}

// Gist returns what tells most about an event, without the class basic: `publish key="orders" 19 bytes`, `ack tag=7`,
// `queue.declare queue="orders" durable`. For what has no method it is the text.
func (e Event) Gist() string {
	switch m := e.Method.(type) {
	case nil:
		return e.Text
	case *wire.BasicPublish:
		number := ""
		if e.Number > 0 {
			number = fmt.Sprintf(" #%d", e.Number)
		}
		return "publish" + number + address(m.Exchange, m.RoutingKey) + e.size()
	case *wire.BasicDeliver:
		text := fmt.Sprintf("deliver tag=%d", m.DeliveryTag)
		if m.Redelivered {
			text += " redelivered"
		}
		return text
	case *wire.BasicReturn:
		return fmt.Sprintf("return %d %s", m.ReplyCode, m.ReplyText) + address(m.Exchange, m.RoutingKey)
	case *wire.ConnectionStart: // its tables are long
		return words(m.Name(), textAt(m.ServerProperties, "product"), textAt(m.ServerProperties, "version"))
	case *wire.ConnectionStartOk:
		return words(m.Name(), m.Mechanism, textAt(m.ClientProperties, "connection_name"))
	case *wire.ConnectionClose:
		return fmt.Sprintf("connection.close %d %q", m.ReplyCode, m.ReplyText)
	case *wire.ChannelClose:
		return fmt.Sprintf("channel.close %d %q", m.ReplyCode, m.ReplyText)
	default:
		return shortTags(strings.TrimPrefix(m.String(), "basic."))
	}
}

// address returns where a message is published, without an exchange that has no name.
func address(exchange, key string) string {
	if exchange == "" {
		return fmt.Sprintf(" key=%q", key)
	}
	return fmt.Sprintf(" exchange=%q key=%q", exchange, key)
}

// words joins texts that are not empty.
func words(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), " ")
}

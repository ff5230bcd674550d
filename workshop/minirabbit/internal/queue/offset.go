package queue

import (
	"slices"
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// Offset is where a consumer of a stream begins, as in the argument x-stream-offset (rabbitmq.com/docs/streams#consuming).
type Offset struct {
	From OffsetFrom
	// At is for FromNumber: the offset; one that is gone means the first that is there, one that isn't there yet is waited
	// for.
	At int64
	// Time is for FromTime: the first message stored then or later. It has whole seconds.
	Time time.Time
	// Age is for FromAge: the first message stored that long ago or later.
	Age time.Duration
}

// OffsetFrom is a kind of Offset.
type OffsetFrom uint8

// All kinds. FromNext is what happens without the argument.
const (
	FromNext OffsetFrom = iota // only what is published from now on
	FromFirst
	FromLast // the last message and what comes after it
	FromNumber
	FromTime
	FromAge
)

// parseOffset reads x-stream-offset. Its reason is as a check's.
func parseOffset(v version.Version, t wire.Table) (o Offset, reason string) {
	value, ok := t.Get("x-stream-offset")
	if !ok {
		return o, ""
	}
	if n, ok := field.Integer(value); ok {
		return Offset{From: FromNumber, At: n}, ""
	}
	switch value := value.(type) {
	case wire.Timestamp:
		return Offset{From: FromTime, Time: value.Time()}, ""
	case wire.Bytes:
		if o, ok := named(string(value)); ok {
			return o, ""
		}
	case wire.String:
		if o, ok := named(string(value)); ok {
			return o, ""
		}
		age, err := parseAge(string(value))
		if err == nil {
			return Offset{From: FromAge, Age: age}, ""
		}
		if err == errAge || !v.StumblesOverAges() {
			return o, "{invalid_stream_offset_arg,{longstr," + term(value) + "}}"
		}
	}
	return o, stumbles
}

func named(text string) (Offset, bool) {
	switch text {
	case "first":
		return Offset{From: FromFirst}, true
	case "last":
		return Offset{From: FromLast}, true
	case "next":
		return Offset{From: FromNext}, true
	}
	return Offset{}, false
}

// consumable are the arguments that consumers of a kind of queue know.
func consumable(v version.Version, k Kind) []string {
	switch {
	case k == Stream && v.StreamFilters():
		return []string{"x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"}
	case k == Stream:
		return []string{"x-stream-offset", "x-credit"}
	case k == Quorum && v.QuorumTimeouts():
		return []string{"x-priority", "x-consumer-timeout"}
	case v.HAFailoverArgument() && k == Classic:
		return []string{"x-cancel-on-ha-failover", "x-priority", "x-credit"}
	case v.HAFailoverArgument():
		return []string{"x-priority", "x-credit"}
	}
	return []string{"x-priority"}
}

// ParseConsume reads basic.consume for the queue. Its errors are about arguments: 406, or 541 where RabbitMQ itself stumbles.
// The caller fills in what the method doesn't say: Owner, Prefetch, ChannelLimit, Ready, and Tag if that is empty.
func ParseConsume(v version.Version, s *Settings, m *wire.BasicConsume) (*Consumer, *fault.Error) {
	c := &Consumer{Tag: m.ConsumerTag, NoAck: m.NoAck, Exclusive: m.Exclusive, Arguments: m.Arguments}
	for _, check := range []check{
		{"x-cancel-on-ha-failover", checkBool},
		{"x-priority", checkInt},
		{"x-consumer-timeout", checkCount},
		{"x-stream-offset", func(wire.Value, wire.Table) (reason string) {
			c.Offset, reason = parseOffset(v, m.Arguments)
			return reason
		}},
	} {
		value, ok := m.Arguments.Get(check.name)
		if !ok || !slices.Contains(consumable(v, s.Kind), check.name) {
			continue
		}
		if reason := check.check(value, m.Arguments); reason != "" {
			return nil, invalid(check.name, s.title(), reason)
		}
	}
	for _, f := range m.Arguments {
		if slices.Contains(consumable(v, s.Kind), f.Name) {
			continue
		}
		for _, other := range []Kind{Classic, Quorum, Stream} {
			if slices.Contains(consumable(v, other), f.Name) {
				return nil, misplaced(f.Name, s)
			}
		}
	}
	if n := integer(m.Arguments, "x-priority"); n != nil {
		c.Priority = *n
	}
	if s.Kind == Stream {
		c.filter = parseFilter(v, m.Arguments)
	}
	c.Timeout = milliseconds(m.Arguments, "x-consumer-timeout")
	return c, nil
}

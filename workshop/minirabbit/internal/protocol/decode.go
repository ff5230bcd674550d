package protocol

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/wire"
)

// decoded says what became of a method's bytes.
type decoded uint8

const (
	good      decoded = iota
	refused           // there is an error to tell
	abandoned         // RabbitMQ drops the connection without a word
	crashed           // the fields made RabbitMQ fail: without a word on a channel, 541 on channel 0
)

// decodeMethod decodes the payload of a method frame, which has at least four bytes. It may change payload.
func decodeMethod(payload []byte) (m wire.Method, id wire.MethodID, what decoded, err *fault.Error) {
	id = wire.MethodID{Class: binary.BigEndian.Uint16(payload), Method: binary.BigEndian.Uint16(payload[2:])}
	for range 9 { // once, and once more for each bit that means nothing: RabbitMQ does not look at those
		m, decodeErr := wire.DecodeMethod(payload)
		if decodeErr == nil {
			if !textIsUTF8(m) {
				return nil, id, refused, fault.Connection(fault.FrameError, "Malformed UTF-8 in shortstr")
			}
			return m, id, good, nil
		}
		var problem *wire.DecodeError
		if !errors.As(decodeErr, &problem) {
			break
		}
		switch {
		case problem.Field == "bits" && dropBit(payload, problem.Offset):
			continue
		case problem.Field == "method-id":
			return nil, id, abandoned, nil
		case insideTable(problem):
			return nil, id, crashed, nil
		}
		break
	}
	return nil, id, refused, cannotDecode(id, payload)
}

// dropBit clears the highest bit of the octet, and returns false if there was none.
func dropBit(payload []byte, at int) bool {
	if at < 0 || at >= len(payload) || payload[at] == 0 {
		return false
	}
	for mask := byte(0x80); mask != 0; mask >>= 1 {
		if payload[at]&mask != 0 {
			payload[at] &^= mask
			break
		}
	}
	return true
}

// textIsUTF8 looks at the short strings of a method that a client sends. RabbitMQ looks at all but those of basic.publish.
func textIsUTF8(m wire.Method) bool {
	switch m := m.(type) {
	case *wire.ConnectionStartOk:
		return valid(m.Mechanism, m.Locale)
	case *wire.ConnectionOpen:
		return valid(m.VirtualHost, m.Reserved1)
	case *wire.ConnectionClose:
		return valid(m.ReplyText)
	case *wire.ChannelOpen:
		return valid(m.Reserved1)
	case *wire.ChannelClose:
		return valid(m.ReplyText)
	case *wire.AccessRequest:
		return valid(m.Realm)
	case *wire.ExchangeDeclare:
		return valid(m.Exchange, m.Type)
	case *wire.ExchangeDelete:
		return valid(m.Exchange)
	case *wire.ExchangeBind:
		return valid(m.Destination, m.Source, m.RoutingKey)
	case *wire.ExchangeUnbind:
		return valid(m.Destination, m.Source, m.RoutingKey)
	case *wire.QueueDeclare:
		return valid(m.Queue)
	case *wire.QueueBind:
		return valid(m.Queue, m.Exchange, m.RoutingKey)
	case *wire.QueueUnbind:
		return valid(m.Queue, m.Exchange, m.RoutingKey)
	case *wire.QueuePurge:
		return valid(m.Queue)
	case *wire.QueueDelete:
		return valid(m.Queue)
	case *wire.BasicConsume:
		return valid(m.Queue, m.ConsumerTag)
	case *wire.BasicCancel:
		return valid(m.ConsumerTag)
	case *wire.BasicGet:
		return valid(m.Queue)
	}
	return true
}

func valid(texts ...string) bool {
	for _, t := range texts {
		if !utf8.ValidString(t) {
			return false
		}
	}
	return true
}

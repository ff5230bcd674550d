package tap

import "warren.example/workshop/wire"

// Answers returns a condition, for Filter.Where: an ack, a nack or a reject that answers the delivery with a tag, alone or
// with those before it. Tag 0: any of the three. Tags belong to a channel, so a Filter that is about one delivery among
// several channels names the channel too.
func Answers(tag uint64) func(Event) bool {
	upTo := func(last uint64, multiple bool) bool {
		return tag == 0 || last == tag || multiple && (last > tag || last == 0) // 0 with multiple: all there are
	}
	return func(e Event) bool {
		switch m := e.Method.(type) {
		case *wire.BasicAck:
			return upTo(m.DeliveryTag, m.Multiple)
		case *wire.BasicNack:
			return upTo(m.DeliveryTag, m.Multiple)
		case *wire.BasicReject:
			return upTo(m.DeliveryTag, false)
		}
		return false
	}
}

package lab

import (
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// Unacked returns how many messages of a queue consumers have got through the tap and neither acknowledged nor given
// back. It is read from the recording, so it has no lag; consumers around the tap are not in it.
func (l *Lab) Unacked(queue string) int {
	l.t.Helper()
	l.look()
	books := make(map[channelID]*book)
	for _, e := range l.Tap.Recording().All() {
		if e.Name() == "disconnect" || e.Name() == "connection.close" {
			for id := range books {
				if id.conn == e.Conn {
					delete(books, id)
				}
			}
			continue
		}
		if e.Method == nil || e.Fate == tap.Dropped || e.Fate == tap.Held {
			continue
		}
		id := channelID{e.Conn, e.Channel}
		if books[id] == nil {
			books[id] = newBook()
		}
		if closed := books[id].enter(e.Method); closed {
			delete(books, id)
		}
	}
	n := 0
	for _, b := range books {
		n += b.count(queue)
	}
	return n
}

type channelID struct {
	conn    int
	channel uint16
}

// A book is what one channel still has to answer.
type book struct {
	consumers map[string]consumer // by tag
	asked     []consumer          // those of basic.consume without a tag: the broker's answer brings it
	gets      []consumer          // basic.get, answered in order
	last      string              // queue that the last queue.declare-ok named: what "" means then
	unacked   map[uint64]string   // queue by delivery tag
}

// A consumer is what a basic.consume or a basic.get asked for.
type consumer struct {
	queue string
	noAck bool
}

func newBook() *book {
	return &book{consumers: make(map[string]consumer), unacked: make(map[uint64]string)}
}

// enter books a method, and says whether it ended the channel.
func (b *book) enter(m wire.Method) (closed bool) {
	switch m := m.(type) {
	case *wire.QueueDeclareOk:
		b.last = m.Queue
	case *wire.BasicConsume:
		c := consumer{b.name(m.Queue), m.NoAck}
		if m.ConsumerTag == "" {
			b.asked = append(b.asked, c)
		} else {
			b.consumers[m.ConsumerTag] = c
		}
	case *wire.BasicConsumeOk:
		if _, known := b.consumers[m.ConsumerTag]; !known && len(b.asked) > 0 {
			b.consumers[m.ConsumerTag] = b.asked[0]
			b.asked = b.asked[1:]
		}
	case *wire.BasicDeliver:
		if c := b.consumers[m.ConsumerTag]; !c.noAck {
			b.unacked[m.DeliveryTag] = c.queue
		}
	case *wire.BasicGet:
		b.gets = append(b.gets, consumer{b.name(m.Queue), m.NoAck})
	case *wire.BasicGetOk:
		if c, ok := b.answered(); ok && !c.noAck {
			b.unacked[m.DeliveryTag] = c.queue
		}
	case *wire.BasicGetEmpty:
		b.answered()
	case *wire.BasicAck:
		b.settle(m.DeliveryTag, m.Multiple)
	case *wire.BasicNack:
		b.settle(m.DeliveryTag, m.Multiple)
	case *wire.BasicReject:
		b.settle(m.DeliveryTag, false)
	case *wire.BasicRecover, *wire.BasicRecoverAsync:
		clear(b.unacked)
	case *wire.ChannelClose, *wire.ChannelCloseOk:
		return true
	}
	return false
}

// count returns how many messages of a queue are not answered.
func (b *book) count(queue string) int {
	n := 0
	for _, of := range b.unacked {
		if of == queue {
			n++
		}
	}
	return n
}

// name returns the queue that an empty name stands for.
func (b *book) name(queue string) string {
	if queue == "" {
		return b.last
	}
	return queue
}

// answered takes the oldest open basic.get.
func (b *book) answered() (consumer, bool) {
	if len(b.gets) == 0 {
		return consumer{}, false
	}
	first := b.gets[0]
	b.gets = b.gets[1:]
	return first, true
}

// settle takes out what a tag answers. Multiple: all up to it, tag 0: all.
func (b *book) settle(tag uint64, multiple bool) {
	if !multiple {
		delete(b.unacked, tag)
		return
	}
	for t := range b.unacked {
		if t <= tag || tag == 0 {
			delete(b.unacked, t)
		}
	}
}

package vhost

import (
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/queue"
)

// Snapshot looks at the host.
func (h *Host) Snapshot() Snapshot {
	h.enter()
	defer h.leave()
	s := Snapshot{Name: h.config.Name, Bindings: h.graph.Bindings(), Carried: h.graph.Carried()}
	for _, x := range h.graph.Exchanges() {
		counts := h.exchanges[x.Name]
		s.Exchanges = append(s.Exchanges, ExchangeView{Exchange: x, PublishedIn: counts.in, PublishedOut: counts.out})
	}
	for _, name := range sortedKeys(h.queues) {
		q := h.queues[name]
		s.Queues = append(s.Queues, q.view())
		for _, c := range q.Consumers() {
			s.Consumers = append(s.Consumers, c.Owner.(*consumer).view())
		}
	}
	for _, c := range h.sortedConns() {
		for _, number := range sortedKeys(c.channels) {
			s.Channels = append(s.Channels, c.channels[number].view())
		}
	}
	return s
}

func (h *Host) sortedConns() []*Conn {
	conns := make([]*Conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	slices.SortFunc(conns, func(a, b *Conn) int { return strings.Compare(a.info.Name, b.info.Name) })
	return conns
}

func (q *hostQueue) view() QueueView {
	s := q.Settings()
	ready, unacked := q.Bytes()
	v := QueueView{
		Name: q.name, Kind: s.Kind.String(), Node: q.node, Durable: s.Durable, AutoDelete: s.AutoDelete, Exclusive: s.Exclusive,
		Arguments: s.Arguments, Ready: q.Ready(), Unacked: q.Unacked() + len(q.held), Bytes: ready + unacked,
		Consumers: q.ConsumerCount(), Published: q.published, Delivered: q.delivered, Redelivered: q.redelivered, Acked: q.acked,
	}
	if q.owner != nil {
		v.Owner = q.owner.info.Name
	}
	if s.SingleActive {
		for _, c := range q.Consumers() {
			if c.Active() {
				v.SingleActive = c.Tag
			}
		}
	}
	return v
}

func (c *consumer) view() ConsumerView {
	return ConsumerView{
		Tag: c.Tag, Queue: c.queue.name, Connection: c.channel.conn.info.Name, Channel: c.channel.number, NoAck: c.NoAck,
		Exclusive: c.Exclusive, Active: c.Active(), Prefetch: c.Prefetch, Arguments: c.Arguments,
		Unacked: c.Unacked(),
	}
}

func (ch *Channel) view() ChannelView {
	n := ch.counts
	return ChannelView{
		Connection: ch.conn.info.Name, User: ch.conn.info.User, Number: ch.number, Confirm: ch.confirming, Prefetch: ch.prefetch,
		GlobalLimit: ch.limit, Consumers: len(ch.consumers), Unacked: ch.unacked.len(), Unconfirmed: ch.unconfirmed(),
		Published: n.published, Confirmed: n.confirmed, Refused: n.refused, Returned: n.returned, Delivered: n.delivered,
		Redelivered: n.redelivered, Acked: n.acked,
	}
}

// Counts counts.
func (h *Host) Counts() Counts {
	h.enter()
	defer h.leave()
	n := Counts{Exchanges: len(h.exchanges), Queues: len(h.queues), Bindings: len(h.graph.Bindings()), Connections: len(h.conns)}
	for _, q := range h.queues {
		n.Consumers += q.ConsumerCount()
		n.Ready += q.Ready()
		if q.Settings().Kind != queue.Stream {
			n.Unacked += q.Unacked()
		}
	}
	for c := range h.conns {
		n.Channels += len(c.channels)
	}
	return n
}

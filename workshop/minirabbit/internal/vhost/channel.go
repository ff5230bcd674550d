package vhost

import (
	"warren.example/workshop/minirabbit/internal/clock"
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// Channel is a channel of a connection. Its methods are safe for several goroutines.
//
// When a method returns an error, the channel is closed already, as by Close, and does nothing any more; the protocol sends
// channel.close or, for an error of the connection, connection.close. Error.Class and Error.Method are set.
type Channel struct {
	conn   *Conn
	host   *Host
	number uint16
	out    Outbox
	failed func(*fault.Error)

	// Guarded by the host's lock.
	closed    bool
	lastQueue string // declared last: what an empty name means

	consumers map[string]*consumer
	prefetch  int          // for consumers to come; 0: no limit
	limit     int          // of basic.qos with global: for the channel; 0: no limit
	limited   int          // deliveries that count against it
	refused   []*consumer  // that were not ready when it was their turn
	stalled   []*hostQueue // that wait for this channel to close (see queue.Queue.Cancel)
	tag       uint64
	unacked   unacked
	timeout   consumerTimeout
	reply     *replier // direct reply-to; nil: none

	known      bool // to queues that refuse each publisher by itself
	confirming bool
	issued     uint64 // number of the last message published in confirm mode
	base       uint64 // all up to this are confirmed
	confirmed  map[uint64]struct{}
	late       []uint64 // hostile: confirmed, but not said yet
	lateTimer  *clock.Timer

	counts channelCounts
	ids    []queue.ID // kept for its room
}

// channelCounts are what the channel did so far.
type channelCounts struct {
	published, confirmed, refused, returned, delivered, redelivered, acked uint64
}

// Handle does what a method asks and sends the answer, unless the method says nowait. It takes all methods of the classes
// exchange, queue, basic, confirm and tx but basic.publish, and channel.flow and access.request. tx gets 540.
func (ch *Channel) Handle(m wire.Method) *fault.Error {
	ch.host.enter()
	defer ch.host.leave()
	if ch.closed {
		return nil
	}
	return ch.end(ch.handle(m), m)
}

// end closes the channel if there is an error, and says in the error which method made it. A bare 541 names none: in RabbitMQ
// the channel's process crashed, and nobody knows any more what it was at.
func (ch *Channel) end(err *fault.Error, m wire.Method) *fault.Error {
	if err == nil {
		return nil
	}
	id := m.ID()
	whole := *err
	if err.Text != fault.Connection(fault.InternalError, "").Text {
		whole.Class, whole.Method = id.Class, id.Method
	}
	ch.close()
	return &whole
}

// fail closes the channel of the host's own accord.
func (ch *Channel) fail(err *fault.Error) {
	ch.close()
	if ch.failed != nil {
		ch.failed(err)
	}
}

func (ch *Channel) handle(m wire.Method) *fault.Error {
	switch m := m.(type) {
	case *wire.BasicAck:
		return ch.ack(m)
	case *wire.BasicNack:
		return ch.reject(m.DeliveryTag, m.Multiple, m.Requeue, queue.Nacked)
	case *wire.BasicReject:
		return ch.reject(m.DeliveryTag, false, m.Requeue, queue.RejectedBack)
	case *wire.BasicGet:
		return ch.get(m)
	case *wire.BasicConsume:
		return ch.consume(m)
	case *wire.BasicCancel:
		return ch.cancel(m)
	case *wire.BasicCancelOk:
		if ch.host.version.TakesCancelOk() {
			return nil
		}
	case *wire.BasicQos:
		return ch.qos(m)
	case *wire.BasicRecover:
		if err := ch.recover(m.Requeue); err != nil {
			return err
		}
		ch.answer(false, &wire.BasicRecoverOk{})
		return nil
	case *wire.BasicRecoverAsync:
		return ch.recover(m.Requeue)
	case *wire.ConfirmSelect:
		ch.confirming = true
		ch.answer(m.NoWait, &wire.ConfirmSelectOk{})
		return nil
	case *wire.AccessRequest:
		ch.answer(false, &wire.AccessRequestOk{Ticket: 1})
		return nil
	case *wire.ChannelFlow:
		if !m.Active {
			return fault.Connection(fault.NotImplemented, "active=false")
		}
		ch.answer(false, &wire.ChannelFlowOk{Active: true})
		return nil
	case *wire.TxSelect, *wire.TxCommit, *wire.TxRollback:
		return fault.Connection(fault.NotImplemented, "minirabbit has no transactions: use publisher confirms")
	}
	return ch.handleTopology(m)
}

// handleTopology does what is about exchanges, queues and bindings.
func (ch *Channel) handleTopology(m wire.Method) *fault.Error {
	switch m := m.(type) {
	case *wire.ExchangeDeclare:
		return ch.declareExchange(m)
	case *wire.ExchangeDelete:
		return ch.deleteExchange(m)
	case *wire.ExchangeBind:
		return ch.bindExchange(m)
	case *wire.ExchangeUnbind:
		return ch.unbindExchange(m)
	case *wire.QueueDeclare:
		return ch.declareQueue(m)
	case *wire.QueueBind:
		return ch.bindQueue(m)
	case *wire.QueueUnbind:
		return ch.unbindQueue(m)
	case *wire.QueuePurge:
		return ch.purge(m)
	case *wire.QueueDelete:
		return ch.deleteQueue(m)
	}
	return fault.Connection(fault.CommandInvalid, "unimplemented method")
}

// answer sends the answer, unless the client wants none.
func (ch *Channel) answer(noWait bool, m wire.Method) {
	if !noWait {
		ch.out.Send(m, nil)
	}
}

// Close ends the channel: consumers go, and what was not acknowledged goes back into its queues. It sends nothing. A second
// call does nothing.
func (ch *Channel) Close() {
	ch.host.enter()
	defer ch.host.leave()
	ch.close()
}

func (ch *Channel) close() {
	if ch.closed {
		return
	}
	ch.drop()
	delete(ch.conn.channels, ch.number)
	if ch.known {
		ch.host.forgetPublisher(ch)
	}
	ch.giveBack()
}

// drop stops what the channel has running.
func (ch *Channel) drop() {
	ch.closed = true
	ch.timeout.stop()
	ch.stopReplies()
	if ch.lateTimer != nil {
		ch.lateTimer.Stop()
	}
	if late, ok := ch.out.(*lateOutbox); ok {
		late.drop()
	}
}

// giveBack takes consumers and deliveries off their queues, for each queue all in one.
func (ch *Channel) giveBack() {
	type part struct {
		consumers []*queue.Consumer
		ids       []queue.ID
	}
	parts := make(map[*hostQueue]*part)
	var order []*hostQueue
	of := func(q *hostQueue) *part {
		if parts[q] == nil {
			parts[q] = &part{}
			order = append(order, q)
		}
		return parts[q]
	}
	for _, tag := range sortedKeys(ch.consumers) {
		c := ch.consumers[tag]
		of(c.queue).consumers = append(of(c.queue).consumers, c.Consumer)
	}
	for d := range ch.unacked.all() {
		of(d.queue).ids = append(of(d.queue).ids, d.id)
	}
	for _, q := range ch.stalled {
		of(q)
	}
	ch.consumers, ch.unacked, ch.stalled = nil, unacked{}, nil
	for _, q := range order {
		if q.deleted {
			continue
		}
		q.noteRequeued(parts[q].ids, true)
		q.lose(q.Leave(ch.host.now, parts[q].consumers, parts[q].ids))
		q.touch()
		ch.host.removeAbandoned(q)
	}
}

package record

import (
	"fmt"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// classBasic is the class of content headers.
const classBasic = 60

// AppendEvent appends the record of an event of a virtual host to dst, and nothing for one that need not be kept. The
// message of a Stored is not in it: the last record of AppendMessage must be that message. It fails, and returns dst as it
// was, for what AMQP cannot carry.
func AppendEvent(dst []byte, e *vhost.Event) ([]byte, error) {
	w := writer{data: dst}
	switch e.Kind {
	case vhost.ExchangeDeclared:
		x := e.Exchange
		w.thing(exchangeDeclared, e.Host)
		w.method(&wire.ExchangeDeclare{Exchange: x.Name, Type: string(x.Kind), Durable: x.Durable, AutoDelete: x.AutoDelete,
			Internal: x.Internal, Arguments: x.Arguments})
	case vhost.ExchangeDeleted:
		w.thing(exchangeDeleted, e.Host)
		w.text(e.Exchange.Name)
	case vhost.Bound:
		w.binding(bound, e)
	case vhost.Unbound:
		w.binding(unbound, e)
	case vhost.QueueDeclared:
		w.thing(queueDeclared, e.Host)
		w.text(e.Queue)
		w.method(e.Declare)
	case vhost.QueueDeleted:
		w.thing(queueDeleted, e.Host)
		w.text(e.Queue)
	case vhost.Stored:
		w.place(stored, e)
		w.state(state{e.Redelivered, e.DeliveryCount, e.AcquiredCount})
		w.time(e.Expiry)
		w.time(e.StoredAt)
	case vhost.Removed:
		w.place(removed, e)
	case vhost.Delivered:
		w.place(delivered, e)
	case vhost.Requeued:
		w.place(requeued, e)
		w.int(e.DeliveryCount)
	case vhost.Doubted:
		w.thing(doubted, e.Host)
		w.text(e.Queue)
	case vhost.Purged: // a Removed for each message follows
	default:
		w.err = fmt.Errorf("event of unknown kind %d", e.Kind)
	}
	return w.finish(dst)
}

func (w *writer) finish(dst []byte) ([]byte, error) {
	if w.err != nil {
		return dst, w.err
	}
	return w.data, nil
}

func (w *writer) thing(k kind, host string) {
	w.kind(k)
	w.text(host)
}

// place says which message in which queue.
func (w *writer) place(k kind, e *vhost.Event) {
	w.thing(k, e.Host)
	w.text(e.Queue)
	w.uint(e.ID)
}

// state is what a message in a queue has behind it.
type state struct {
	redelivered     bool
	failed, fetched int64
}

func (w *writer) state(s state) {
	w.bool(s.redelivered)
	w.int(s.failed)
	w.int(s.fetched)
}

func (w *writer) binding(k kind, e *vhost.Event) {
	b := e.Binding
	w.thing(k, e.Host)
	if b.ToExchange {
		w.method(&wire.ExchangeBind{Source: b.Source, Destination: b.Destination, RoutingKey: b.Key, Arguments: b.Arguments})
	} else {
		w.method(&wire.QueueBind{Exchange: b.Source, Queue: b.Destination, RoutingKey: b.Key, Arguments: b.Arguments})
	}
}

// AppendMessage appends the record of a message to dst. It fails as AppendEvent does.
func AppendMessage(dst []byte, m *message.Message) ([]byte, error) {
	w := writer{data: dst}
	w.kind(content)
	w.text(m.Exchange)
	w.text(m.RoutingKey)
	w.texts(m.More)
	w.uint(uint64(m.Hidden))
	w.int(m.Failures)
	header, err := wire.AppendHeader(nil, &wire.ContentHeader{Class: classBasic, Properties: m.Properties})
	w.err = err
	w.bytes(header)
	w.bool(m.Deaths != nil)
	if m.Deaths != nil {
		w.method(&wire.QueueUnbind{Arguments: wire.Table{{Name: deathsName, Value: m.Deaths}}})
	}
	w.rest(m.Body)
	return w.finish(dst)
}

// deathsName is what message.Message.Deaths is called within a table.
const deathsName = "deaths"

// AppendRecord appends the record of a change of the broker to dst. It fails for a kind that it does not know.
func AppendRecord(dst []byte, r *broker.Record) ([]byte, error) {
	w := writer{data: dst}
	switch r.Kind {
	case broker.HostPut:
		w.thing(hostPut, r.Host)
	case broker.HostDeleted:
		w.thing(hostDeleted, r.Host)
	case broker.UserPut:
		w.kind(userPut)
		w.text(r.User.Name)
		w.text(r.User.Password)
		w.texts(r.User.Tags)
	case broker.UserDeleted:
		w.kind(userDeleted)
		w.text(r.User.Name)
	case broker.PermissionsPut:
		w.thing(permissionsPut, r.Host)
		w.texts([]string{r.User.Name, r.Permissions.Configure, r.Permissions.Write, r.Permissions.Read})
	case broker.PermissionsDeleted:
		w.thing(permissionsDeleted, r.Host)
		w.text(r.User.Name)
	case broker.Opened:
		w.kind(opened)
	case broker.Closed:
		w.kind(closed)
	default:
		w.err = fmt.Errorf("record of unknown kind %d", r.Kind)
	}
	return w.finish(dst)
}

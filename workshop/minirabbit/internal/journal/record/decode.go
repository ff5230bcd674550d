package record

import (
	"errors"
	"fmt"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// Decoder reads records in the order in which they were appended. The zero value is ready.
type Decoder struct {
	message *message.Message // of the last AppendMessage
}

// Decode reads a record and keeps nothing of payload. It returns an event or a change of the broker, and neither for a
// message, which comes with its Stored. The error says why it is no record.
func (d *Decoder) Decode(payload []byte) (*vhost.Event, *broker.Record, error) {
	r := reader{data: payload}
	switch k := r.kind(); k {
	case content:
		m := r.message()
		if err := r.finish(); err != nil {
			return nil, nil, err
		}
		d.message = m
		return nil, nil, nil
	case hostPut, hostDeleted, userPut, userDeleted, permissionsPut, permissionsDeleted, opened, closed:
		change := r.change(k)
		return nil, change, r.finish()
	default:
		e := r.event(k)
		if k == stored {
			if e.Message = d.message; e.Message == nil {
				r.fail(errors.New("a message is stored that was not there before"))
			}
		}
		return e, nil, r.finish()
	}
}

func (r *reader) message() *message.Message {
	m := &message.Message{Exchange: r.text(), RoutingKey: r.text(), More: r.texts(), Hidden: int(r.uint()), Failures: r.int()}
	if m.Hidden < 0 || m.Hidden > len(m.More) {
		r.fail(fmt.Errorf("%d of %d keys are hidden", m.Hidden, len(m.More)))
	}
	header := r.bytes()
	if r.err != nil {
		return m
	}
	h, err := wire.DecodeHeader(header)
	if err != nil {
		r.fail(err)
		return m
	}
	m.Properties = h.Properties
	if r.bool() {
		if table := method[*wire.QueueUnbind](r); table != nil {
			deaths, _ := table.Arguments.Get(deathsName)
			m.Deaths, _ = deaths.(wire.Array)
		}
	}
	m.Body = r.rest()
	return m
}

func (r *reader) change(k kind) *broker.Record {
	switch k {
	case hostPut:
		return &broker.Record{Kind: broker.HostPut, Host: r.text()}
	case hostDeleted:
		return &broker.Record{Kind: broker.HostDeleted, Host: r.text()}
	case userPut:
		return &broker.Record{Kind: broker.UserPut, User: broker.User{Name: r.text(), Password: r.text(), Tags: r.texts()}}
	case userDeleted:
		return &broker.Record{Kind: broker.UserDeleted, User: broker.User{Name: r.text()}}
	case permissionsPut:
		change := &broker.Record{Kind: broker.PermissionsPut, Host: r.text()}
		texts := r.texts()
		if len(texts) != 4 {
			r.fail(errShort)
			return nil
		}
		change.User.Name = texts[0]
		change.Permissions = broker.Permissions{Configure: texts[1], Write: texts[2], Read: texts[3]}
		return change
	case opened:
		return &broker.Record{Kind: broker.Opened}
	case closed:
		return &broker.Record{Kind: broker.Closed}
	default:
		return &broker.Record{Kind: broker.PermissionsDeleted, Host: r.text(), User: broker.User{Name: r.text()}}
	}
}

func (r *reader) event(k kind) *vhost.Event {
	e := &vhost.Event{Host: r.text()}
	switch k {
	case exchangeDeclared:
		e.Kind = vhost.ExchangeDeclared
		if x := method[*wire.ExchangeDeclare](r); x != nil {
			known, ok := routing.ParseKind(x.Type)
			if !ok {
				r.fail(fmt.Errorf("unknown type of exchange %q", x.Type))
			}
			e.Exchange = routing.Exchange{Name: x.Exchange, Kind: known, Durable: x.Durable, AutoDelete: x.AutoDelete,
				Internal: x.Internal, Arguments: x.Arguments}
		}
	case exchangeDeleted:
		e.Kind, e.Exchange.Name = vhost.ExchangeDeleted, r.text()
	case bound:
		e.Kind, e.Binding = vhost.Bound, r.binding()
	case unbound:
		e.Kind, e.Binding = vhost.Unbound, r.binding()
	case queueDeclared:
		e.Kind, e.Queue, e.Declare = vhost.QueueDeclared, r.text(), method[*wire.QueueDeclare](r)
	case queueDeleted:
		e.Kind, e.Queue = vhost.QueueDeleted, r.text()
	case stored:
		e.Kind, e.Queue, e.ID = vhost.Stored, r.text(), r.uint()
		s := r.state()
		e.Redelivered, e.DeliveryCount, e.AcquiredCount = s.redelivered, s.failed, s.fetched
		e.Expiry, e.StoredAt = r.time(), r.time()
	case removed:
		e.Kind, e.Queue, e.ID = vhost.Removed, r.text(), r.uint()
	case delivered:
		e.Kind, e.Queue, e.ID = vhost.Delivered, r.text(), r.uint()
	case requeued:
		e.Kind, e.Queue, e.ID, e.DeliveryCount = vhost.Requeued, r.text(), r.uint(), r.int()
	case doubted:
		e.Kind, e.Queue = vhost.Doubted, r.text()
	default:
		r.fail(fmt.Errorf("unknown kind %q", byte(k)))
	}
	return e
}

func (r *reader) state() state { return state{r.bool(), r.int(), r.int()} }

func (r *reader) binding() (b routing.Binding) {
	data := r.bytes()
	if r.err != nil {
		return b
	}
	m, err := wire.DecodeMethod(data)
	if err != nil {
		r.fail(err)
		return b
	}
	switch m := m.(type) {
	case *wire.ExchangeBind:
		return routing.Binding{Source: m.Source, Destination: m.Destination, ToExchange: true, Key: m.RoutingKey, Arguments: m.Arguments}
	case *wire.QueueBind:
		return routing.Binding{Source: m.Exchange, Destination: m.Queue, Key: m.RoutingKey, Arguments: m.Arguments}
	}
	r.fail(fmt.Errorf("%s stands where a binding should", m.Name()))
	return b
}

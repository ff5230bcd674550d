package tap

import "warren.example/workshop/wire"

// session is what the handshake of a connection told.
type session struct {
	vhost        string
	name         string
	opened       bool // connection.open-ok came
	hearsBlocked bool // the client announced connection.blocked
	hearsCancel  bool // the client announced consumer_cancel_notify
	blocked      bool // Tap.Block told it connection.blocked
	farewell     bool // connection.close-ok came
}

// channel is an AMQP channel from channel.open to channel.close-ok.
type channel struct {
	open      bool             // channel.open-ok came
	confirms  *confirms        // nil if not in confirm mode
	consumers map[string]Event // by tag: the basic.consume that started it
	starting  []Event          // basic.consume that wait for their basic.consume-ok, which come in the same order
	quitting  []quit           // basic.cancel that wait for their basic.cancel-ok, which come in the same order
	closing   *closing         // not nil while Tap.CloseChannel closes it
}

// quit is a basic.cancel that the broker has to answer.
type quit struct {
	consumer string
	byTap    bool // CancelConsumer: the client must not see the answer
}

// learn takes note of what a unit that is forwarded means for connection and channel.
func (c *conn) learn(u *unit) {
	if u.event.From == Client {
		c.learnFromClient(u)
	} else {
		c.learnFromBroker(u)
	}
}

func (c *conn) learnFromClient(u *unit) {
	switch m := u.event.Method.(type) {
	case *wire.BasicPublish:
		if u.number > 0 {
			u.channel.confirms.forward(pending{client: u.number, nack: u.nack, hold: u.hold})
		}
	case *wire.ConnectionStartOk:
		c.session.name = textAt(m.ClientProperties, "connection_name")
		if capabilities, ok := m.ClientProperties.Get("capabilities"); ok {
			table, _ := capabilities.(wire.Table)
			c.session.hearsBlocked = isTrueAt(table, "connection.blocked")
			c.session.hearsCancel = isTrueAt(table, "consumer_cancel_notify")
		}
	case *wire.ConnectionOpen:
		c.session.vhost = m.VirtualHost
	case *wire.ConnectionCloseOk:
		c.session.farewell = true
	case *wire.ChannelOpen:
		c.channels[u.event.Channel] = &channel{consumers: map[string]Event{}}
	case *wire.ChannelCloseOk:
		delete(c.channels, u.event.Channel)
	case *wire.ConfirmSelect:
		if u.channel != nil && u.channel.confirms == nil {
			u.channel.confirms = &confirms{}
		}
	case *wire.BasicConsume:
		switch {
		case u.channel == nil:
		case m.NoWait:
			u.channel.consumers[m.ConsumerTag] = u.event
		default:
			u.channel.starting = append(u.channel.starting, u.event)
		}
	case *wire.BasicCancel:
		switch {
		case u.channel == nil:
		case m.NoWait:
			delete(u.channel.consumers, m.ConsumerTag)
		default:
			u.channel.quitting = append(u.channel.quitting, quit{consumer: m.ConsumerTag})
		}
	}
}

func (c *conn) learnFromBroker(u *unit) {
	switch m := u.event.Method.(type) {
	case *wire.ConnectionOpenOk:
		c.session.opened = true
	case *wire.ConnectionCloseOk:
		c.session.farewell = true
	case *wire.ChannelOpenOk:
		if u.channel != nil {
			u.channel.open = true
		}
	case *wire.ChannelCloseOk:
		delete(c.channels, u.event.Channel)
	case *wire.BasicConsumeOk:
		if u.channel != nil && len(u.channel.starting) > 0 {
			started := u.channel.starting[0]
			u.channel.starting = u.channel.starting[1:]
			consume := *started.Method.(*wire.BasicConsume)
			consume.ConsumerTag = m.ConsumerTag // the broker gives a name to those that have none
			started.Method = &consume
			u.channel.consumers[m.ConsumerTag] = started
		}
	case *wire.BasicCancelOk:
		if u.channel != nil {
			delete(u.channel.consumers, m.ConsumerTag)
			if q := u.channel.quitting; len(q) > 0 && q[0].consumer == m.ConsumerTag {
				u.channel.quitting = q[1:]
			}
		}
	case *wire.BasicCancel:
		if u.channel != nil {
			delete(u.channel.consumers, m.ConsumerTag)
		}
	}
}

// textAt returns the text called name in a table, or nothing.
func textAt(t wire.Table, name string) string {
	v, _ := t.Get(name)
	text, _ := v.(wire.String)
	return string(text)
}

// isTrueAt tells whether the table says yes to name.
func isTrueAt(t wire.Table, name string) bool {
	v, _ := t.Get(name)
	yes, _ := v.(wire.Bool)
	return bool(yes)
}

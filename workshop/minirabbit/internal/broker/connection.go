package broker

import (
	"slices"
	"time"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// Peer is what a connection tells of itself when connection.open comes.
type Peer struct {
	Name       string // "127.0.0.1:51234 -> 127.0.0.1:5672"
	Node       string // the node it came to
	User       User   // from Login
	Host       string // the virtual host it asks for
	Properties wire.Table
	Address    string // the client's, "127.0.0.1:51234"
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16 // seconds
	TLS        bool

	// Close is called when somebody else ends the connection: an operator, the deletion of its virtual host. The protocol
	// sends connection.close with the error and then calls Connection.Remove. It must not block and must not call the broker.
	Close func(*fault.Error)
	// Alarm is called when the alarm changes: with the reason ("memory") when it begins, with "" when it is over. It must not
	// block and must not call the broker. What to do with it, and when connection.blocked is sent, is the protocol's business:
	// only connections that publish are blocked (rabbitmq.com/docs/connection-blocked).
	Alarm func(reason string)
}

// Connection is an open connection in the register.
type Connection struct {
	Peer
	Conn  *vhost.Conn
	Since time.Time

	broker *Broker
}

// Open registers a connection and connects it to its virtual host. Errors are those of connection.open: 530 if there is no
// such virtual host or if the user may not enter it.
func (b *Broker) Open(p Peer) (*Connection, *fault.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[p.Host]
	if !ok {
		return nil, fault.Connection(fault.NotAllowed, "vhost %s not found", p.Host)
	}
	access := b.grants[grantKey{p.Host, p.User.Name}]
	if !access.stands() || b.down {
		return nil, fault.Connection(fault.NotAllowed, "access to vhost '%s' refused for user '%s'", p.Host, p.User.Name)
	}
	c := &Connection{Peer: p, Since: b.options.Clock.Now(), broker: b}
	c.Conn = h.Connect(vhost.ConnInfo{
		Name: p.Name, Node: p.Node, User: p.User.Name, Access: access, Impersonator: slices.Contains(p.User.Tags, "impersonator"),
		CancelNotify: capable(p.Properties, "consumer_cancel_notify"), Close: p.Close,
	})
	b.connections = append(b.connections, c)
	return c, nil
}

// capable tells whether the client says that it can do something (rabbitmq.com/docs/connections#capabilities).
func capable(properties wire.Table, capability string) bool {
	v, _ := properties.Get("capabilities")
	capabilities, _ := v.(wire.Table)
	v, _ = capabilities.Get(capability)
	is, _ := v.(wire.Bool)
	return bool(is)
}

// Remove takes the connection out of the register and closes its vhost.Conn. A second call does nothing.
func (c *Connection) Remove() {
	b := c.broker
	b.mu.Lock()
	b.connections = slices.DeleteFunc(b.connections, func(other *Connection) bool { return other == c })
	b.mu.Unlock()
	c.Conn.Close()
}

// Connections returns all open connections, the oldest first.
func (b *Broker) Connections() []*Connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.connections)
}

// CloseConnection ends the connection called name with 320 and the reason, as an operator does with the management API or
// rabbitmqctl. It returns false if there is none.
func (b *Broker) CloseConnection(name, reason string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := false
	for _, c := range b.connections {
		if c.Name == name {
			c.end(reason)
			found = true
		}
	}
	return found
}

// CloseAll ends all connections with 320 and the reason: rabbitmqctl close_all_connections, or "broker forced connection
// closure with reason 'shutdown'" when the broker stops.
func (b *Broker) CloseAll(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.connections {
		c.end(reason)
	}
}

func (c *Connection) end(reason string) {
	if c.Peer.Close != nil {
		c.Peer.Close(forced(reason))
	}
}

// SetAlarm begins or ends an alarm: reason is "memory" or "disk", and "" ends it. Connections are told by Peer.Alarm; those
// opened later ask Alarm.
func (b *Broker) SetAlarm(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if reason == b.alarm {
		return
	}
	b.alarm = reason
	for _, c := range b.connections {
		if c.Alarm != nil {
			c.Alarm(reason)
		}
	}
}

// Alarm returns the reason of the alarm, and "" if there is none.
func (b *Broker) Alarm() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alarm
}

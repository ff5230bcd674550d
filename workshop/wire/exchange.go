package wire

// ExchangeDeclare makes an exchange, or checks that it is there as described.
type ExchangeDeclare struct {
	Reserved1  uint16 // the access ticket of AMQP 0-8
	Exchange   string // its name
	Type       string // "direct", "fanout", "topic", "headers" or a plugin's
	Passive    bool   // only look whether it is there
	Durable    bool   // survive a restart of the broker
	AutoDelete bool   // vanish with the last binding from it; RabbitMQ extension
	Internal   bool   // closed to publishers; RabbitMQ extension
	NoWait     bool   // the broker shall send no answer
	Arguments  Table  // "alternate-exchange"
}

func (*ExchangeDeclare) Name() string     { return "exchange.declare" }
func (*ExchangeDeclare) ID() MethodID     { return MethodID{40, 10} }
func (m *ExchangeDeclare) String() string { return describe(m) }
func (m *ExchangeDeclare) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("type", &m.Type)
	v.bit("passive", &m.Passive)
	v.bit("durable", &m.Durable)
	v.bit("auto-delete", &m.AutoDelete)
	v.bit("internal", &m.Internal)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// ExchangeDeclareOk answers ExchangeDeclare.
type ExchangeDeclareOk struct{}

func (*ExchangeDeclareOk) Name() string     { return "exchange.declare-ok" }
func (*ExchangeDeclareOk) ID() MethodID     { return MethodID{40, 11} }
func (m *ExchangeDeclareOk) String() string { return describe(m) }
func (*ExchangeDeclareOk) fields(visitor)   {}

// ExchangeDelete removes an exchange.
type ExchangeDelete struct {
	Reserved1 uint16 // the access ticket of AMQP 0-8
	Exchange  string
	IfUnused  bool // fail if something is bound to it
	NoWait    bool // the broker shall send no answer
}

func (*ExchangeDelete) Name() string     { return "exchange.delete" }
func (*ExchangeDelete) ID() MethodID     { return MethodID{40, 20} }
func (m *ExchangeDelete) String() string { return describe(m) }
func (m *ExchangeDelete) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("exchange", &m.Exchange)
	v.bit("if-unused", &m.IfUnused)
	v.bit("no-wait", &m.NoWait)
}

// ExchangeDeleteOk answers ExchangeDelete.
type ExchangeDeleteOk struct{}

func (*ExchangeDeleteOk) Name() string     { return "exchange.delete-ok" }
func (*ExchangeDeleteOk) ID() MethodID     { return MethodID{40, 21} }
func (m *ExchangeDeleteOk) String() string { return describe(m) }
func (*ExchangeDeleteOk) fields(visitor)   {}

// ExchangeBind makes messages flow from the exchange Source to the exchange Destination. RabbitMQ extension
// (rabbitmq.com/docs/e2e).
type ExchangeBind struct {
	Reserved1   uint16 // the access ticket of AMQP 0-8
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool // the broker shall send no answer
	Arguments   Table
}

func (*ExchangeBind) Name() string     { return "exchange.bind" }
func (*ExchangeBind) ID() MethodID     { return MethodID{40, 30} }
func (m *ExchangeBind) String() string { return describe(m) }
func (m *ExchangeBind) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("destination", &m.Destination)
	v.shortstr("source", &m.Source)
	v.shortstr("routing-key", &m.RoutingKey)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// ExchangeBindOk answers ExchangeBind. RabbitMQ extension.
type ExchangeBindOk struct{}

func (*ExchangeBindOk) Name() string     { return "exchange.bind-ok" }
func (*ExchangeBindOk) ID() MethodID     { return MethodID{40, 31} }
func (m *ExchangeBindOk) String() string { return describe(m) }
func (*ExchangeBindOk) fields(visitor)   {}

// ExchangeUnbind removes a binding that ExchangeBind made. RabbitMQ extension.
type ExchangeUnbind struct {
	Reserved1   uint16 // the access ticket of AMQP 0-8
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool // the broker shall send no answer
	Arguments   Table
}

func (*ExchangeUnbind) Name() string     { return "exchange.unbind" }
func (*ExchangeUnbind) ID() MethodID     { return MethodID{40, 40} }
func (m *ExchangeUnbind) String() string { return describe(m) }
func (m *ExchangeUnbind) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("destination", &m.Destination)
	v.shortstr("source", &m.Source)
	v.shortstr("routing-key", &m.RoutingKey)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// ExchangeUnbindOk answers ExchangeUnbind. Its number is 51, not 41. RabbitMQ extension.
type ExchangeUnbindOk struct{}

func (*ExchangeUnbindOk) Name() string     { return "exchange.unbind-ok" }
func (*ExchangeUnbindOk) ID() MethodID     { return MethodID{40, 51} }
func (m *ExchangeUnbindOk) String() string { return describe(m) }
func (*ExchangeUnbindOk) fields(visitor)   {}

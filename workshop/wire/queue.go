package wire

// QueueDeclare makes a queue, or checks that it is there as described.
type QueueDeclare struct {
	Reserved1  uint16 // the access ticket of AMQP 0-8
	Queue      string // its name; if empty, the broker invents one
	Passive    bool   // only look whether it is there
	Durable    bool   // survive a restart of the broker
	Exclusive  bool   // for this connection only, and gone with it
	AutoDelete bool   // vanish with the last consumer
	NoWait     bool   // the broker shall send no answer
	Arguments  Table  // "x-queue-type", "x-dead-letter-exchange"
}

func (*QueueDeclare) Name() string     { return "queue.declare" }
func (*QueueDeclare) ID() MethodID     { return MethodID{50, 10} }
func (m *QueueDeclare) String() string { return describe(m) }
func (m *QueueDeclare) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.bit("passive", &m.Passive)
	v.bit("durable", &m.Durable)
	v.bit("exclusive", &m.Exclusive)
	v.bit("auto-delete", &m.AutoDelete)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// QueueDeclareOk answers QueueDeclare.
type QueueDeclareOk struct {
	Queue         string // its name, also when the broker invented it
	MessageCount  uint32 // messages ready for delivery
	ConsumerCount uint32
}

func (*QueueDeclareOk) Name() string     { return "queue.declare-ok" }
func (*QueueDeclareOk) ID() MethodID     { return MethodID{50, 11} }
func (m *QueueDeclareOk) String() string { return describe(m) }
func (m *QueueDeclareOk) fields(v visitor) {
	v.shortstr("queue", &m.Queue)
	v.long("message-count", &m.MessageCount)
	v.long("consumer-count", &m.ConsumerCount)
}

// QueueBind makes messages flow from an exchange to a queue.
type QueueBind struct {
	Reserved1  uint16 // the access ticket of AMQP 0-8
	Queue      string
	Exchange   string
	RoutingKey string
	NoWait     bool  // the broker shall send no answer
	Arguments  Table // what a headers exchange compares
}

func (*QueueBind) Name() string     { return "queue.bind" }
func (*QueueBind) ID() MethodID     { return MethodID{50, 20} }
func (m *QueueBind) String() string { return describe(m) }
func (m *QueueBind) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// QueueBindOk answers QueueBind.
type QueueBindOk struct{}

func (*QueueBindOk) Name() string     { return "queue.bind-ok" }
func (*QueueBindOk) ID() MethodID     { return MethodID{50, 21} }
func (m *QueueBindOk) String() string { return describe(m) }
func (*QueueBindOk) fields(visitor)   {}

// QueueUnbind removes a binding that QueueBind made.
type QueueUnbind struct {
	Reserved1  uint16 // the access ticket of AMQP 0-8
	Queue      string
	Exchange   string
	RoutingKey string
	Arguments  Table // those of the binding
}

func (*QueueUnbind) Name() string     { return "queue.unbind" }
func (*QueueUnbind) ID() MethodID     { return MethodID{50, 50} }
func (m *QueueUnbind) String() string { return describe(m) }
func (m *QueueUnbind) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
	v.table("arguments", &m.Arguments)
}

// QueueUnbindOk answers QueueUnbind.
type QueueUnbindOk struct{}

func (*QueueUnbindOk) Name() string     { return "queue.unbind-ok" }
func (*QueueUnbindOk) ID() MethodID     { return MethodID{50, 51} }
func (m *QueueUnbindOk) String() string { return describe(m) }
func (*QueueUnbindOk) fields(visitor)   {}

// QueuePurge throws away the messages that are ready for delivery.
type QueuePurge struct {
	Reserved1 uint16 // the access ticket of AMQP 0-8
	Queue     string
	NoWait    bool // the broker shall send no answer
}

func (*QueuePurge) Name() string     { return "queue.purge" }
func (*QueuePurge) ID() MethodID     { return MethodID{50, 30} }
func (m *QueuePurge) String() string { return describe(m) }
func (m *QueuePurge) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.bit("no-wait", &m.NoWait)
}

// QueuePurgeOk answers QueuePurge.
type QueuePurgeOk struct {
	MessageCount uint32 // messages thrown away
}

func (*QueuePurgeOk) Name() string     { return "queue.purge-ok" }
func (*QueuePurgeOk) ID() MethodID     { return MethodID{50, 31} }
func (m *QueuePurgeOk) String() string { return describe(m) }
func (m *QueuePurgeOk) fields(v visitor) {
	v.long("message-count", &m.MessageCount)
}

// QueueDelete removes a queue and its messages.
type QueueDelete struct {
	Reserved1 uint16 // the access ticket of AMQP 0-8
	Queue     string
	IfUnused  bool // fail if it has consumers
	IfEmpty   bool // fail if it has messages
	NoWait    bool // the broker shall send no answer
}

func (*QueueDelete) Name() string     { return "queue.delete" }
func (*QueueDelete) ID() MethodID     { return MethodID{50, 40} }
func (m *QueueDelete) String() string { return describe(m) }
func (m *QueueDelete) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.bit("if-unused", &m.IfUnused)
	v.bit("if-empty", &m.IfEmpty)
	v.bit("no-wait", &m.NoWait)
}

// QueueDeleteOk answers QueueDelete.
type QueueDeleteOk struct {
	MessageCount uint32 // messages thrown away
}

func (*QueueDeleteOk) Name() string     { return "queue.delete-ok" }
func (*QueueDeleteOk) ID() MethodID     { return MethodID{50, 41} }
func (m *QueueDeleteOk) String() string { return describe(m) }
func (m *QueueDeleteOk) fields(v visitor) {
	v.long("message-count", &m.MessageCount)
}

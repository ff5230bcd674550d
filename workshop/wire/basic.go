package wire

// BasicQos limits how many deliveries may be unacknowledged. Zero means no limit.
type BasicQos struct {
	PrefetchSize  uint32 // bytes; RabbitMQ takes only 0
	PrefetchCount uint16 // messages
	Global        bool   // in RabbitMQ: per channel instead of per consumer (rabbitmq.com/docs/consumer-prefetch)
}

func (*BasicQos) Name() string     { return "basic.qos" }
func (*BasicQos) ID() MethodID     { return MethodID{60, 10} }
func (m *BasicQos) String() string { return describe(m) }
func (m *BasicQos) fields(v visitor) {
	v.long("prefetch-size", &m.PrefetchSize)
	v.short("prefetch-count", &m.PrefetchCount)
	v.bit("global", &m.Global)
}

// BasicQosOk answers BasicQos.
type BasicQosOk struct{}

func (*BasicQosOk) Name() string     { return "basic.qos-ok" }
func (*BasicQosOk) ID() MethodID     { return MethodID{60, 11} }
func (m *BasicQosOk) String() string { return describe(m) }
func (*BasicQosOk) fields(visitor)   {}

// BasicConsume starts a consumer: the broker delivers from now on.
type BasicConsume struct {
	Reserved1   uint16 // the access ticket of AMQP 0-8
	Queue       string
	ConsumerTag string // its name on this channel; if empty, the broker invents one
	NoLocal     bool   // not what this connection published; RabbitMQ ignores it
	NoAck       bool   // forget each message when it is sent
	Exclusive   bool   // fail if the queue has another consumer, and keep others away
	NoWait      bool   // the broker shall send no answer
	Arguments   Table  // "x-priority", "x-stream-offset"
}

func (*BasicConsume) Name() string     { return "basic.consume" }
func (*BasicConsume) ID() MethodID     { return MethodID{60, 20} }
func (m *BasicConsume) String() string { return describe(m) }
func (m *BasicConsume) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.shortstr("consumer-tag", &m.ConsumerTag)
	v.bit("no-local", &m.NoLocal)
	v.bit("no-ack", &m.NoAck)
	v.bit("exclusive", &m.Exclusive)
	v.bit("no-wait", &m.NoWait)
	v.table("arguments", &m.Arguments)
}

// BasicConsumeOk answers BasicConsume.
type BasicConsumeOk struct {
	ConsumerTag string
}

func (*BasicConsumeOk) Name() string     { return "basic.consume-ok" }
func (*BasicConsumeOk) ID() MethodID     { return MethodID{60, 21} }
func (m *BasicConsumeOk) String() string { return describe(m) }
func (m *BasicConsumeOk) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
}

// BasicCancel ends a consumer. RabbitMQ sends it too, when the queue is gone (rabbitmq.com/docs/consumer-cancel).
type BasicCancel struct {
	ConsumerTag string
	NoWait      bool // the broker shall send no answer
}

func (*BasicCancel) Name() string     { return "basic.cancel" }
func (*BasicCancel) ID() MethodID     { return MethodID{60, 30} }
func (m *BasicCancel) String() string { return describe(m) }
func (m *BasicCancel) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
	v.bit("no-wait", &m.NoWait)
}

// BasicCancelOk answers BasicCancel: no delivery follows.
type BasicCancelOk struct {
	ConsumerTag string
}

func (*BasicCancelOk) Name() string     { return "basic.cancel-ok" }
func (*BasicCancelOk) ID() MethodID     { return MethodID{60, 31} }
func (m *BasicCancelOk) String() string { return describe(m) }
func (m *BasicCancelOk) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
}

// BasicGet asks for one message.
type BasicGet struct {
	Reserved1 uint16 // the access ticket of AMQP 0-8
	Queue     string
	NoAck     bool // forget it when it is sent
}

func (*BasicGet) Name() string     { return "basic.get" }
func (*BasicGet) ID() MethodID     { return MethodID{60, 70} }
func (m *BasicGet) String() string { return describe(m) }
func (m *BasicGet) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("queue", &m.Queue)
	v.bit("no-ack", &m.NoAck)
}

// BasicGetEmpty answers BasicGet when the queue has nothing ready. See BasicGetOk.
type BasicGetEmpty struct {
	Reserved1 string // cluster-id in AMQP 0-8
}

func (*BasicGetEmpty) Name() string     { return "basic.get-empty" }
func (*BasicGetEmpty) ID() MethodID     { return MethodID{60, 72} }
func (m *BasicGetEmpty) String() string { return describe(m) }
func (m *BasicGetEmpty) fields(v visitor) {
	v.shortstr("reserved-1", &m.Reserved1)
}

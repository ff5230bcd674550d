package wire

// BasicPublish sends a message to an exchange. Content follows.
type BasicPublish struct {
	Reserved1  uint16 // the access ticket of AMQP 0-8
	Exchange   string // if empty, the default exchange: RoutingKey is the name of a queue
	RoutingKey string
	Mandatory  bool // return the message if it reaches no queue
	Immediate  bool // RabbitMQ refuses it
}

func (*BasicPublish) Name() string     { return "basic.publish" }
func (*BasicPublish) ID() MethodID     { return MethodID{60, 40} }
func (m *BasicPublish) String() string { return describe(m) }
func (m *BasicPublish) fields(v visitor) {
	v.short("reserved-1", &m.Reserved1)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
	v.bit("mandatory", &m.Mandatory)
	v.bit("immediate", &m.Immediate)
}

// BasicReturn gives a mandatory message back that reached no queue. Content follows.
type BasicReturn struct {
	ReplyCode  uint16 // 312
	ReplyText  string // "NO_ROUTE"
	Exchange   string
	RoutingKey string
}

func (*BasicReturn) Name() string     { return "basic.return" }
func (*BasicReturn) ID() MethodID     { return MethodID{60, 50} }
func (m *BasicReturn) String() string { return describe(m) }
func (m *BasicReturn) fields(v visitor) {
	v.short("reply-code", &m.ReplyCode)
	v.shortstr("reply-text", &m.ReplyText)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
}

// BasicDeliver brings a message to a consumer. Content follows.
type BasicDeliver struct {
	ConsumerTag string
	DeliveryTag uint64 // the number to answer with: counts deliveries on this channel from 1
	Redelivered bool   // it was delivered before, and may have been handled
	Exchange    string // where it was published
	RoutingKey  string
}

func (*BasicDeliver) Name() string     { return "basic.deliver" }
func (*BasicDeliver) ID() MethodID     { return MethodID{60, 60} }
func (m *BasicDeliver) String() string { return describe(m) }
func (m *BasicDeliver) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
	v.longlong("delivery-tag", &m.DeliveryTag)
	v.bit("redelivered", &m.Redelivered)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
}

// BasicGetOk answers BasicGet with a message. Content follows.
type BasicGetOk struct {
	DeliveryTag  uint64
	Redelivered  bool
	Exchange     string
	RoutingKey   string
	MessageCount uint32 // messages still ready in the queue
}

func (*BasicGetOk) Name() string     { return "basic.get-ok" }
func (*BasicGetOk) ID() MethodID     { return MethodID{60, 71} }
func (m *BasicGetOk) String() string { return describe(m) }
func (m *BasicGetOk) fields(v visitor) {
	v.longlong("delivery-tag", &m.DeliveryTag)
	v.bit("redelivered", &m.Redelivered)
	v.shortstr("exchange", &m.Exchange)
	v.shortstr("routing-key", &m.RoutingKey)
	v.long("message-count", &m.MessageCount)
}

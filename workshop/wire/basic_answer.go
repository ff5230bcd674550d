package wire

// BasicAck says that a message is done: from a consumer, that the broker may forget the delivery; from the broker, in
// confirm mode, that it has taken charge of what was published (rabbitmq.com/docs/confirms).
type BasicAck struct {
	DeliveryTag uint64
	Multiple    bool // all up to this tag; with tag 0, all there are
}

func (*BasicAck) Name() string     { return "basic.ack" }
func (*BasicAck) ID() MethodID     { return MethodID{60, 80} }
func (m *BasicAck) String() string { return describe(m) }
func (m *BasicAck) fields(v visitor) {
	v.longlong("delivery-tag", &m.DeliveryTag)
	v.bit("multiple", &m.Multiple)
}

// BasicReject gives one delivery back.
type BasicReject struct {
	DeliveryTag uint64
	Requeue     bool // into the queue again; if not set, dead-letter or drop it
}

func (*BasicReject) Name() string     { return "basic.reject" }
func (*BasicReject) ID() MethodID     { return MethodID{60, 90} }
func (m *BasicReject) String() string { return describe(m) }
func (m *BasicReject) fields(v visitor) {
	v.longlong("delivery-tag", &m.DeliveryTag)
	v.bit("requeue", &m.Requeue)
}

// BasicNack says that a message is not done: from a consumer, as BasicReject, but many at once; from the broker, in
// confirm mode, that it did not take charge of what was published. RabbitMQ extension (rabbitmq.com/docs/nack).
type BasicNack struct {
	DeliveryTag uint64
	Multiple    bool // all up to this tag; with tag 0, all there are
	Requeue     bool // into the queue again; without meaning from the broker
}

func (*BasicNack) Name() string     { return "basic.nack" }
func (*BasicNack) ID() MethodID     { return MethodID{60, 120} }
func (m *BasicNack) String() string { return describe(m) }
func (m *BasicNack) fields(v visitor) {
	v.longlong("delivery-tag", &m.DeliveryTag)
	v.bit("multiple", &m.Multiple)
	v.bit("requeue", &m.Requeue)
}

// BasicRecoverAsync is BasicRecover without an answer. Deprecated.
type BasicRecoverAsync struct {
	Requeue bool
}

func (*BasicRecoverAsync) Name() string     { return "basic.recover-async" }
func (*BasicRecoverAsync) ID() MethodID     { return MethodID{60, 100} }
func (m *BasicRecoverAsync) String() string { return describe(m) }
func (m *BasicRecoverAsync) fields(v visitor) {
	v.bit("requeue", &m.Requeue)
}

// BasicRecover asks for all unacknowledged deliveries of the channel again.
type BasicRecover struct {
	Requeue bool // to any consumer; RabbitMQ knows no other way
}

func (*BasicRecover) Name() string     { return "basic.recover" }
func (*BasicRecover) ID() MethodID     { return MethodID{60, 110} }
func (m *BasicRecover) String() string { return describe(m) }
func (m *BasicRecover) fields(v visitor) {
	v.bit("requeue", &m.Requeue)
}

// BasicRecoverOk answers BasicRecover.
type BasicRecoverOk struct{}

func (*BasicRecoverOk) Name() string     { return "basic.recover-ok" }
func (*BasicRecoverOk) ID() MethodID     { return MethodID{60, 111} }
func (m *BasicRecoverOk) String() string { return describe(m) }
func (*BasicRecoverOk) fields(visitor)   {}

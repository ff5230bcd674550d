package wire

// BasicCredit lets the broker send a consumer so many messages more. RabbitMQ before 4.0 used it inside the broker, for
// AMQP 1.0 (credit_extension.json). Clients don't send it; RabbitMQ 4.0 still reads it and closes with 503.
type BasicCredit struct {
	ConsumerTag string
	Credit      uint32 // messages
	Drain       bool   // use the credit up at once, or give it back by BasicCreditDrained
}

func (*BasicCredit) Name() string     { return "basic.credit" }
func (*BasicCredit) ID() MethodID     { return MethodID{60, 200} }
func (m *BasicCredit) String() string { return describe(m) }
func (m *BasicCredit) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
	v.long("credit", &m.Credit)
	v.bit("drain", &m.Drain)
}

// BasicCreditOk answers BasicCredit.
type BasicCreditOk struct {
	Available uint32 // messages ready in the queue
}

func (*BasicCreditOk) Name() string     { return "basic.credit-ok" }
func (*BasicCreditOk) ID() MethodID     { return MethodID{60, 201} }
func (m *BasicCreditOk) String() string { return describe(m) }
func (m *BasicCreditOk) fields(v visitor) {
	v.long("available", &m.Available)
}

// BasicCreditDrained tells a consumer that its credit came to nothing.
type BasicCreditDrained struct {
	ConsumerTag   string
	CreditDrained uint32 // how much
}

func (*BasicCreditDrained) Name() string     { return "basic.credit-drained" }
func (*BasicCreditDrained) ID() MethodID     { return MethodID{60, 202} }
func (m *BasicCreditDrained) String() string { return describe(m) }
func (m *BasicCreditDrained) fields(v visitor) {
	v.shortstr("consumer-tag", &m.ConsumerTag)
	v.long("credit-drained", &m.CreditDrained)
}

package wire

// ConfirmSelect puts the channel into confirm mode: the broker answers each BasicPublish with BasicAck or BasicNack.
// RabbitMQ extension (rabbitmq.com/docs/confirms).
type ConfirmSelect struct {
	NoWait bool // the broker shall send no answer
}

func (*ConfirmSelect) Name() string     { return "confirm.select" }
func (*ConfirmSelect) ID() MethodID     { return MethodID{85, 10} }
func (m *ConfirmSelect) String() string { return describe(m) }
func (m *ConfirmSelect) fields(v visitor) {
	v.bit("no-wait", &m.NoWait)
}

// ConfirmSelectOk answers ConfirmSelect. RabbitMQ extension.
type ConfirmSelectOk struct{}

func (*ConfirmSelectOk) Name() string     { return "confirm.select-ok" }
func (*ConfirmSelectOk) ID() MethodID     { return MethodID{85, 11} }
func (m *ConfirmSelectOk) String() string { return describe(m) }
func (*ConfirmSelectOk) fields(visitor)   {}

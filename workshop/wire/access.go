package wire

// AccessRequest asked for access in AMQP 0-8. It is gone from AMQP 0-9-1; RabbitMQ still reads it.
type AccessRequest struct {
	Realm     string
	Exclusive bool
	Passive   bool
	Active    bool
	Write     bool
	Read      bool
}

func (*AccessRequest) Name() string     { return "access.request" }
func (*AccessRequest) ID() MethodID     { return MethodID{30, 10} }
func (m *AccessRequest) String() string { return describe(m) }
func (m *AccessRequest) fields(v visitor) {
	v.shortstr("realm", &m.Realm)
	v.bit("exclusive", &m.Exclusive)
	v.bit("passive", &m.Passive)
	v.bit("active", &m.Active)
	v.bit("write", &m.Write)
	v.bit("read", &m.Read)
}

// AccessRequestOk answers AccessRequest.
type AccessRequestOk struct {
	Ticket uint16
}

func (*AccessRequestOk) Name() string     { return "access.request-ok" }
func (*AccessRequestOk) ID() MethodID     { return MethodID{30, 11} }
func (m *AccessRequestOk) String() string { return describe(m) }
func (m *AccessRequestOk) fields(v visitor) {
	v.short("ticket", &m.Ticket)
}

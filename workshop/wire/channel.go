package wire

// ChannelOpen opens the channel whose number is in the frame.
type ChannelOpen struct {
	Reserved1 string // out-of-band in AMQP 0-8
}

func (*ChannelOpen) Name() string     { return "channel.open" }
func (*ChannelOpen) ID() MethodID     { return MethodID{20, 10} }
func (m *ChannelOpen) String() string { return describe(m) }
func (m *ChannelOpen) fields(v visitor) {
	v.shortstr("reserved-1", &m.Reserved1)
}

// ChannelOpenOk answers ChannelOpen.
type ChannelOpenOk struct {
	Reserved1 string // channel-id in AMQP 0-8
}

func (*ChannelOpenOk) Name() string     { return "channel.open-ok" }
func (*ChannelOpenOk) ID() MethodID     { return MethodID{20, 11} }
func (m *ChannelOpenOk) String() string { return describe(m) }
func (m *ChannelOpenOk) fields(v visitor) {
	v.longstr("reserved-1", &m.Reserved1)
}

// ChannelFlow asks the other side to stop or to go on sending content. RabbitMQ refuses to stop.
type ChannelFlow struct {
	Active bool // go on
}

func (*ChannelFlow) Name() string     { return "channel.flow" }
func (*ChannelFlow) ID() MethodID     { return MethodID{20, 20} }
func (m *ChannelFlow) String() string { return describe(m) }
func (m *ChannelFlow) fields(v visitor) {
	v.bit("active", &m.Active)
}

// ChannelFlowOk answers ChannelFlow.
type ChannelFlowOk struct {
	Active bool
}

func (*ChannelFlowOk) Name() string     { return "channel.flow-ok" }
func (*ChannelFlowOk) ID() MethodID     { return MethodID{20, 21} }
func (m *ChannelFlowOk) String() string { return describe(m) }
func (m *ChannelFlowOk) fields(v visitor) {
	v.bit("active", &m.Active)
}

// ChannelClose ends the channel, from either side. The broker sends it when a method fails.
type ChannelClose struct {
	ReplyCode uint16 // 200 for an orderly end, else why: 404 is "not found"
	ReplyText string // the same for people
	ClassId   uint16 // with MethodId: the method that made the error, or zero
	MethodId  uint16
}

func (*ChannelClose) Name() string     { return "channel.close" }
func (*ChannelClose) ID() MethodID     { return MethodID{20, 40} }
func (m *ChannelClose) String() string { return describe(m) }
func (m *ChannelClose) fields(v visitor) {
	v.short("reply-code", &m.ReplyCode)
	v.shortstr("reply-text", &m.ReplyText)
	v.short("class-id", &m.ClassId)
	v.short("method-id", &m.MethodId)
}

// ChannelCloseOk answers ChannelClose. The number may be used again.
type ChannelCloseOk struct{}

func (*ChannelCloseOk) Name() string     { return "channel.close-ok" }
func (*ChannelCloseOk) ID() MethodID     { return MethodID{20, 41} }
func (m *ChannelCloseOk) String() string { return describe(m) }
func (*ChannelCloseOk) fields(visitor)   {}

package wire

// ConnectionStart is the broker's first word: what it is and which ways to log in it offers.
type ConnectionStart struct {
	VersionMajor     uint8  // 0
	VersionMinor     uint8  // 9
	ServerProperties Table  // product, version, capabilities: what RabbitMQ can do beyond AMQP
	Mechanisms       string // SASL mechanisms, with spaces between: "PLAIN AMQPLAIN"
	Locales          string // "en_US"
}

func (*ConnectionStart) Name() string     { return "connection.start" }
func (*ConnectionStart) ID() MethodID     { return MethodID{10, 10} }
func (m *ConnectionStart) String() string { return describe(m) }
func (m *ConnectionStart) fields(v visitor) {
	v.octet("version-major", &m.VersionMajor)
	v.octet("version-minor", &m.VersionMinor)
	v.table("server-properties", &m.ServerProperties)
	v.longstr("mechanisms", &m.Mechanisms)
	v.longstr("locales", &m.Locales)
}

// ConnectionStartOk tells the broker who the client is.
type ConnectionStartOk struct {
	ClientProperties Table  // product, connection_name, capabilities
	Mechanism        string // the one chosen: "PLAIN"
	Response         string // for PLAIN: zero byte, user, zero byte, password
	Locale           string
}

func (*ConnectionStartOk) Name() string     { return "connection.start-ok" }
func (*ConnectionStartOk) ID() MethodID     { return MethodID{10, 11} }
func (m *ConnectionStartOk) String() string { return describe(m) }
func (m *ConnectionStartOk) fields(v visitor) {
	v.table("client-properties", &m.ClientProperties)
	v.shortstr("mechanism", &m.Mechanism)
	v.secret("response", &m.Response)
	v.shortstr("locale", &m.Locale)
}

// ConnectionSecure asks for a further step of logging in.
type ConnectionSecure struct {
	Challenge string
}

func (*ConnectionSecure) Name() string     { return "connection.secure" }
func (*ConnectionSecure) ID() MethodID     { return MethodID{10, 20} }
func (m *ConnectionSecure) String() string { return describe(m) }
func (m *ConnectionSecure) fields(v visitor) {
	v.secret("challenge", &m.Challenge)
}

// ConnectionSecureOk answers ConnectionSecure.
type ConnectionSecureOk struct {
	Response string
}

func (*ConnectionSecureOk) Name() string     { return "connection.secure-ok" }
func (*ConnectionSecureOk) ID() MethodID     { return MethodID{10, 21} }
func (m *ConnectionSecureOk) String() string { return describe(m) }
func (m *ConnectionSecureOk) fields(v visitor) {
	v.secret("response", &m.Response)
}

// ConnectionTune is the broker's offer of limits. Zero means no limit, and for Heartbeat: none.
type ConnectionTune struct {
	ChannelMax uint16 // highest channel number
	FrameMax   uint32 // largest frame in bytes, with its 8 bytes of header and end
	Heartbeat  uint16 // seconds
}

func (*ConnectionTune) Name() string     { return "connection.tune" }
func (*ConnectionTune) ID() MethodID     { return MethodID{10, 30} }
func (m *ConnectionTune) String() string { return describe(m) }
func (m *ConnectionTune) fields(v visitor) {
	v.short("channel-max", &m.ChannelMax)
	v.long("frame-max", &m.FrameMax)
	v.short("heartbeat", &m.Heartbeat)
}

// ConnectionTuneOk sets the limits. They are not above what ConnectionTune offered.
type ConnectionTuneOk struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

func (*ConnectionTuneOk) Name() string     { return "connection.tune-ok" }
func (*ConnectionTuneOk) ID() MethodID     { return MethodID{10, 31} }
func (m *ConnectionTuneOk) String() string { return describe(m) }
func (m *ConnectionTuneOk) fields(v visitor) {
	v.short("channel-max", &m.ChannelMax)
	v.long("frame-max", &m.FrameMax)
	v.short("heartbeat", &m.Heartbeat)
}

// ConnectionOpen chooses the virtual host.
type ConnectionOpen struct {
	VirtualHost string // "/"
	Reserved1   string // capabilities in AMQP 0-8
	Reserved2   bool   // insist in AMQP 0-8
}

func (*ConnectionOpen) Name() string     { return "connection.open" }
func (*ConnectionOpen) ID() MethodID     { return MethodID{10, 40} }
func (m *ConnectionOpen) String() string { return describe(m) }
func (m *ConnectionOpen) fields(v visitor) {
	v.shortstr("virtual-host", &m.VirtualHost)
	v.shortstr("reserved-1", &m.Reserved1)
	v.bit("reserved-2", &m.Reserved2)
}

// ConnectionOpenOk ends the handshake: channels may be opened.
type ConnectionOpenOk struct {
	Reserved1 string // known-hosts in AMQP 0-8
}

func (*ConnectionOpenOk) Name() string     { return "connection.open-ok" }
func (*ConnectionOpenOk) ID() MethodID     { return MethodID{10, 41} }
func (m *ConnectionOpenOk) String() string { return describe(m) }
func (m *ConnectionOpenOk) fields(v visitor) {
	v.shortstr("reserved-1", &m.Reserved1)
}

// ConnectionClose ends the connection, from either side. After it only ConnectionCloseOk is sent.
type ConnectionClose struct {
	ReplyCode uint16 // 200 for an orderly end, else why: 404 is "not found"
	ReplyText string // the same for people
	ClassId   uint16 // with MethodId: the method that made the error, or zero
	MethodId  uint16
}

func (*ConnectionClose) Name() string     { return "connection.close" }
func (*ConnectionClose) ID() MethodID     { return MethodID{10, 50} }
func (m *ConnectionClose) String() string { return describe(m) }
func (m *ConnectionClose) fields(v visitor) {
	v.short("reply-code", &m.ReplyCode)
	v.shortstr("reply-text", &m.ReplyText)
	v.short("class-id", &m.ClassId)
	v.short("method-id", &m.MethodId)
}

// ConnectionCloseOk answers ConnectionClose. The socket may be closed.
type ConnectionCloseOk struct{}

func (*ConnectionCloseOk) Name() string     { return "connection.close-ok" }
func (*ConnectionCloseOk) ID() MethodID     { return MethodID{10, 51} }
func (m *ConnectionCloseOk) String() string { return describe(m) }
func (*ConnectionCloseOk) fields(visitor)   {}

// ConnectionBlocked tells publishers that the broker, short of memory or disk, reads nothing more from their connections.
// RabbitMQ extension, sent to clients whose capabilities have connection.blocked (rabbitmq.com/docs/connection-blocked).
type ConnectionBlocked struct {
	Reason string // "low on memory"
}

func (*ConnectionBlocked) Name() string     { return "connection.blocked" }
func (*ConnectionBlocked) ID() MethodID     { return MethodID{10, 60} }
func (m *ConnectionBlocked) String() string { return describe(m) }
func (m *ConnectionBlocked) fields(v visitor) {
	v.shortstr("reason", &m.Reason)
}

// ConnectionUnblocked takes ConnectionBlocked back. RabbitMQ extension.
type ConnectionUnblocked struct{}

func (*ConnectionUnblocked) Name() string     { return "connection.unblocked" }
func (*ConnectionUnblocked) ID() MethodID     { return MethodID{10, 61} }
func (m *ConnectionUnblocked) String() string { return describe(m) }
func (*ConnectionUnblocked) fields(visitor)   {}

// ConnectionUpdateSecret replaces a token that is about to expire. RabbitMQ extension, for OAuth 2.
type ConnectionUpdateSecret struct {
	NewSecret string
	Reason    string
}

func (*ConnectionUpdateSecret) Name() string     { return "connection.update-secret" }
func (*ConnectionUpdateSecret) ID() MethodID     { return MethodID{10, 70} }
func (m *ConnectionUpdateSecret) String() string { return describe(m) }
func (m *ConnectionUpdateSecret) fields(v visitor) {
	v.secret("new-secret", &m.NewSecret)
	v.shortstr("reason", &m.Reason)
}

// ConnectionUpdateSecretOk answers ConnectionUpdateSecret. RabbitMQ extension.
type ConnectionUpdateSecretOk struct{}

func (*ConnectionUpdateSecretOk) Name() string     { return "connection.update-secret-ok" }
func (*ConnectionUpdateSecretOk) ID() MethodID     { return MethodID{10, 71} }
func (m *ConnectionUpdateSecretOk) String() string { return describe(m) }
func (*ConnectionUpdateSecretOk) fields(visitor)   {}

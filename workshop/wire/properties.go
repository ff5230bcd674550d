package wire

// Properties are the 14 properties of a message, of which any may be absent. Nil means absent, which on the wire is not
// the same as empty. AMQP 0-9-1 (amqp0-9-1.xml), class basic.
type Properties struct {
	ContentType     *string
	ContentEncoding *string
	Headers         Table  // nil: absent; empty but not nil: present and empty
	DeliveryMode    *uint8 // 1 transient, 2 persistent
	Priority        *uint8
	CorrelationId   *string
	ReplyTo         *string
	Expiration      *string // milliseconds, as text
	MessageId       *string
	Timestamp       *Timestamp
	Type            *string
	UserId          *string
	AppId           *string
	ClusterId       *string // reserved since AMQP 0-9-1
}

// Some returns a pointer to v, to fill in a property: Properties{MessageId: wire.Some("order-7")}.
func Some[T any](v T) *T { return &v }

// String gives ` content-type="text/plain" delivery-mode=2`, with a space before each property that is present.
func (p Properties) String() string {
	var text printing
	p.fields(&text, func(_ uint16, present bool) bool { return present })
	return string(text.text)
}

// fields shows each property to v for which has says yes. has gets the property's flag (AMQP 0-9-1, 4.2.6.1) and whether
// it is present in p.
func (p *Properties) fields(v visitor, has func(flag uint16, present bool) bool) {
	if has(1<<15, p.ContentType != nil) {
		v.shortstr("content-type", ensure(&p.ContentType))
	}
	if has(1<<14, p.ContentEncoding != nil) {
		v.shortstr("content-encoding", ensure(&p.ContentEncoding))
	}
	if has(1<<13, p.Headers != nil) {
		if p.Headers == nil {
			p.Headers = Table{}
		}
		v.table("headers", &p.Headers)
	}
	if has(1<<12, p.DeliveryMode != nil) {
		v.octet("delivery-mode", ensure(&p.DeliveryMode))
	}
	if has(1<<11, p.Priority != nil) {
		v.octet("priority", ensure(&p.Priority))
	}
	if has(1<<10, p.CorrelationId != nil) {
		v.shortstr("correlation-id", ensure(&p.CorrelationId))
	}
	if has(1<<9, p.ReplyTo != nil) {
		v.shortstr("reply-to", ensure(&p.ReplyTo))
	}
	if has(1<<8, p.Expiration != nil) {
		v.shortstr("expiration", ensure(&p.Expiration))
	}
	if has(1<<7, p.MessageId != nil) {
		v.shortstr("message-id", ensure(&p.MessageId))
	}
	if has(1<<6, p.Timestamp != nil) {
		v.timestamp("timestamp", ensure(&p.Timestamp))
	}
	if has(1<<5, p.Type != nil) {
		v.shortstr("type", ensure(&p.Type))
	}
	if has(1<<4, p.UserId != nil) {
		v.shortstr("user-id", ensure(&p.UserId))
	}
	if has(1<<3, p.AppId != nil) {
		v.shortstr("app-id", ensure(&p.AppId))
	}
	if has(1<<2, p.ClusterId != nil) {
		v.shortstr("cluster-id", ensure(&p.ClusterId))
	}
}

// ensure makes room for a property that is about to be decoded.
func ensure[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

package queue

import (
	"strconv"
	"time"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/wire"
)

// Kind is the type of a queue, as in the argument x-queue-type.
type Kind uint8

// All kinds.
const (
	Classic Kind = iota
	Quorum
	Stream
)

// String gives "classic", "quorum" or "stream".
func (k Kind) String() string { return [...]string{"classic", "quorum", "stream"}[k] }

// module is what RabbitMQ calls the kind in its errors.
func (k Kind) module() string { return "rabbit_" + k.String() + "_queue" }

// Overflow is what a queue does when it has more than it may, as in the argument x-overflow (rabbitmq.com/docs/maxlength).
type Overflow uint8

// All ways.
const (
	DropHead         Overflow = iota // the oldest message goes, dead-lettered
	RejectPublish                    // the new message is refused
	RejectPublishDLX                 // the new message is refused, and dead-lettered; classic queues only
)

// String gives "drop-head", "reject-publish" or "reject-publish-dlx".
func (o Overflow) String() string {
	return [...]string{"drop-head", "reject-publish", "reject-publish-dlx"}[o]
}

// Settings is how a queue was declared. ParseArguments makes it; it doesn't change.
type Settings struct {
	VirtualHost string
	Name        string
	Kind        Kind
	Durable     bool // false for an exclusive queue, however it was declared
	Exclusive   bool
	AutoDelete  bool
	// Arguments are those of the declaration, and since 4.0 always x-queue-type.
	Arguments wire.Table

	MessageTTL         *time.Duration // nil: messages have no time limit but their own
	Expires            *time.Duration // nil: the queue stays although nobody uses it
	MaxLength          *int64         // of ready messages; nil: no limit
	MaxBytes           *int64         // of bodies of ready messages; nil: no limit
	Overflow           Overflow
	DeadLetterExchange *string // nil: dead messages are gone
	DeadLetterKey      *string // nil: dead messages keep their routing keys
	// AtLeastOnce is set when dead messages must not get lost on their way: the strategy at-least-once of a quorum queue
	// that has an exchange for them and overflow reject-publish. Without those RabbitMQ quietly does as it does by default.
	AtLeastOnce     bool
	DeliveryLimit   int // how often a quorum queue takes a message back; -1: for ever
	SingleActive    bool
	ConsumerTimeout *time.Duration // of a quorum queue, since 4.3; nil: the broker's
	MaxAge          *time.Duration // of a stream; nil: no limit
	SegmentBytes    int64          // of a stream: retention takes away whole segments
}

// title is how RabbitMQ names the queue in its errors.
func (s *Settings) title() string { return title(s.VirtualHost, s.Name) }

func title(virtualHost, name string) string {
	return "queue '" + name + "' in vhost '" + virtualHost + "'"
}

// RefusesEach tells whether the queue refuses publishers one by one, so that Forget matters.
func (s *Settings) RefusesEach() bool { return s.Kind == Quorum && s.Overflow != DropHead }

// defaultSegmentBytes is the size of a stream's segments where nothing is said (rabbitmq.com/docs/streams#retention).
const defaultSegmentBytes = 500_000_000

// fill reads the checked arguments into s. Of several with one name the first counts.
func (s *Settings) fill(defaultLimit int, limitBelowZero int) {
	a := s.Arguments
	s.MessageTTL = milliseconds(a, "x-message-ttl")
	s.Expires = milliseconds(a, "x-expires")
	s.MaxLength = integer(a, "x-max-length")
	s.MaxBytes = integer(a, "x-max-length-bytes")
	s.DeadLetterExchange = text(a, "x-dead-letter-exchange")
	s.DeadLetterKey = text(a, "x-dead-letter-routing-key")
	s.ConsumerTimeout = milliseconds(a, "x-consumer-timeout")
	if v, _ := a.Get("x-single-active-consumer"); v == wire.Bool(true) {
		s.SingleActive = true
	}
	s.fillOverflow()
	s.DeliveryLimit = -1
	switch s.Kind {
	case Quorum:
		s.fillLimit(defaultLimit, limitBelowZero)
	case Stream:
		s.SegmentBytes = defaultSegmentBytes
		if n := integer(a, "x-stream-max-segment-size-bytes"); n != nil {
			s.SegmentBytes = *n
		}
		if age := text(a, "x-max-age"); age != nil {
			if d, err := parseAge(*age); err == nil {
				s.MaxAge = &d
			}
		}
	}
}

func (s *Settings) fillOverflow() {
	if o := text(s.Arguments, "x-overflow"); o != nil {
		switch *o {
		case "reject-publish":
			s.Overflow = RejectPublish
		case "reject-publish-dlx":
			if s.Kind == Classic {
				s.Overflow = RejectPublishDLX
			}
		}
	}
	if strategy := text(s.Arguments, "x-dead-letter-strategy"); strategy != nil {
		s.AtLeastOnce = *strategy == "at-least-once" && s.DeadLetterExchange != nil && s.Overflow == RejectPublish
	}
}

func (s *Settings) fillLimit(none, belowZero int) {
	s.DeliveryLimit = none
	if n := integer(s.Arguments, "x-delivery-limit"); n != nil {
		s.DeliveryLimit = int(*n)
		if *n < 0 {
			s.DeliveryLimit = belowZero
		}
	}
}

// integer returns the whole number called name. Nil if there is none.
func integer(t wire.Table, name string) *int64 {
	v, _ := t.Get(name)
	if n, ok := field.Integer(v); ok {
		return &n
	}
	return nil
}

// longest is the longest time that is told from another one: RabbitMQ's numbers can be larger than a Duration.
const longest = 100 * 365 * 24 * time.Hour

func milliseconds(t wire.Table, name string) *time.Duration {
	n := integer(t, name)
	if n == nil {
		return nil
	}
	d := longest
	if *n < longest.Milliseconds() {
		d = time.Duration(*n) * time.Millisecond
	}
	return &d
}

// text returns the string called name. Nil if there is none.
func text(t wire.Table, name string) *string {
	v, _ := t.Get(name)
	if s, ok := v.(wire.String); ok {
		return wire.Some(string(s))
	}
	return nil
}

// ttl returns the expiration of a message. An expiration that is no number was refused when it was published.
func ttl(expiration *string) (time.Duration, bool) {
	if expiration == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(*expiration, 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}

package version

// The differences that channels and connections show. The sources are named in queues.go.

// GlobalQos tells whether basic.qos with global limits the channel as a whole. 4.3 takes it and applies it to each consumer.
func (v Version) GlobalQos() bool { return !v.atLeast(4, 3) }

// MaxMessageSize is the largest body taken, in bytes: 128 MiB before 4.0, then 16 MiB.
func (v Version) MaxMessageSize() int {
	if v.atLeast(4, 0) {
		return 16 << 20
	}
	return 128 << 20
}

// MinFrameMax is the smallest frame-max a client may ask for, in bytes: 8192 since 4.1, before it 4096.
func (v Version) MinFrameMax() uint32 {
	if v.atLeast(4, 1) {
		return 8192
	}
	return 4096
}

// ReplyToReturns tells whether a mandatory message to a direct reply-to whose requester is gone comes back with 312. Until
// 4.1.
func (v Version) ReplyToReturns() bool { return !v.atLeast(4, 2) }

// TrustsClientDeaths tells whether an x-death header that a client publishes is counted on. Before 4.0; since then it is a
// header like others.
func (v Version) TrustsClientDeaths() bool { return !v.atLeast(4, 0) }

// TurnsDeaths tells whether each death turns the list of earlier ones round, if there are two or more. Before 3.13
// (rabbit_dead_letter:group_by_queue_and_reason).
func (v Version) TurnsDeaths() bool { return !v.atLeast(3, 13) }

// LastDeathHeaders tells whether dead-lettering adds x-last-death-queue, -reason and -exchange. Since 3.13.
func (v Version) LastDeathHeaders() bool { return v.atLeast(3, 13) }

// PassiveNeedsPermission tells whether passive declare needs some permission on the thing it asks for. Since 4.3.
func (v Version) PassiveNeedsPermission() bool { return v.atLeast(4, 3) }

// NamedRefusals tells whether the 403 of a missing permission says which one is missing: "configure access to queue …". Since
// 3.11; before it is "access to queue …".
func (v Version) NamedRefusals() bool { return v.atLeast(3, 11) }

// UnknownTypeEndsConnection tells whether declaring an exchange of an unknown type is answered with 503, which closes the
// connection. Since 4.0 it is 406 and closes the channel.
func (v Version) UnknownTypeEndsConnection() bool { return !v.atLeast(4, 0) }

// SortedHeaders tells whether consumers get the headers of every message in the order of their names, without doubles. Since
// 3.13; before it, only headers that dead-lettering touched are sorted.
func (v Version) SortedHeaders() bool { return v.atLeast(3, 13) }

// RepliesCount tells whether each direct reply has a delivery tag of its own. Before 4.2 all have that of the channel's next
// delivery.
func (v Version) RepliesCount() bool { return v.atLeast(4, 2) }

// DropsCC tells whether dead-lettering with a routing key of the queue's own takes the header CC away. Before 3.13.
func (v Version) DropsCC() bool { return !v.atLeast(3, 13) }

// RepliesAreQueues tells whether an address for direct replies is a queue of its own kind, which can't be bound (403). Since
// 4.2.
func (v Version) RepliesAreQueues() bool { return v.atLeast(4, 2) }

// ChecksDeliveryMode tells whether a message whose delivery mode is neither 1 nor 2 is refused. Before 3.13
// (rabbit_basic:is_message_persistent).
func (v Version) ChecksDeliveryMode() bool { return !v.atLeast(3, 13) }

// TakesCancelOk tells whether a client may answer a basic.cancel of the broker with basic.cancel-ok. Since 4.3; before, that
// is an unknown method (503).
func (v Version) TakesCancelOk() bool { return v.atLeast(4, 3) }

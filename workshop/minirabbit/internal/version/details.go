package version

// Smaller differences of queues, seen on nodes of 3.10.8 and 4.0.5 and in the source of 4.3.5 (deps/rabbit/src).

// ClassicLeaderLocator tells whether classic queues take x-queue-leader-locator. Since 4.0.
func (v Version) ClassicLeaderLocator() bool { return v.atLeast(4, 0) }

// QuorumTimeouts tells whether quorum queues take x-consumer-timeout and x-delayed-retry-type. Since 4.3; before, these are
// arguments that nobody knows.
func (v Version) QuorumTimeouts() bool { return v.atLeast(4, 3) }

// LocalRandom tells whether there are exchanges of type x-local-random. Since 4.0.
func (v Version) LocalRandom() bool { return v.atLeast(4, 0) }

// ListsQueueType tells whether a queue that was declared without x-queue-type has it among its arguments. Since 4.0.
func (v Version) ListsQueueType() bool { return v.atLeast(4, 0) }

// NegativeDeliveryLimit is what an x-delivery-limit below zero means: no limit (-1) since 4.0; before, none may come back.
func (v Version) NegativeDeliveryLimit() int {
	if v.atLeast(4, 0) {
		return -1
	}
	return 0
}

// StumblesOverAges tells whether an age without a number, as in x-max-age "week", makes an internal error. Until 4.2; since
// then it is refused like any wrong argument.
func (v Version) StumblesOverAges() bool { return !v.atLeast(4, 3) }

// CountsFirstGet tells whether basic.get on a quorum queue says x-delivery-count 0 for a message that is delivered for the
// first time. Before 4.0; since then the header is missing, as it always was for consumers.
func (v Version) CountsFirstGet() bool { return !v.atLeast(4, 0) }

// CancelHandsOver tells whether cancelling the single active consumer of a classic queue makes the next one get messages at
// once. Before 4.0 that one waits until something else happens: a publish, a requeue, a channel that closes.
func (v Version) CancelHandsOver() bool { return v.atLeast(4, 0) }

// StreamsTakeNacks tells whether a stream takes basic.nack and basic.reject for an acknowledgement. Before 4.0 it refuses
// them with 540.
func (v Version) StreamsTakeNacks() bool { return v.atLeast(4, 0) }

// StreamTitle is how errors of streams begin the name of a stream.
func (v Version) StreamTitle() string {
	if v.atLeast(4, 0) {
		return "stream "
	}
	return "stream queues "
}

// HAFailoverArgument tells whether consumers know the argument x-cancel-on-ha-failover. Before 4.0.
func (v Version) HAFailoverArgument() bool { return !v.atLeast(4, 0) }

// StreamsShowAMQP1 tells whether what a stream delivers shows more clearly that it was stored as a message of AMQP 1.0: a
// message that isn't persistent has delivery mode 1, headers beginning with x- keep tables and arrays, and bytes that are text
// become text. Since 4.0.
func (v Version) StreamsShowAMQP1() bool { return v.atLeast(4, 0) }

// CarriesFailures tells whether a message that a quorum queue dead-letters takes its failed deliveries along to the next quorum
// queue. Since 4.0 (rabbit_fifo:annotate_msg).
func (v Version) CarriesFailures() bool { return v.atLeast(4, 0) }

// Fails tells whether a delivery of a quorum queue that comes back counts as a failed one: always if its channel is gone or its
// consumer took too long (lost), and from 4.3 on if it was rejected.
func (v Version) Fails(rejected, lost bool) bool { return lost || rejected && !v.NackCounts() }

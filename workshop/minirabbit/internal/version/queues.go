package version

// The differences that queues show. The sources are /docs/quorum-queues, /docs/consumers and the release notes of 3.13,
// 4.0 and 4.3 on rabbitmq.com.

// NackCounts tells whether a quorum queue counts basic.nack with requeue as a failed delivery, as it does basic.reject with
// requeue and a consumer that went away. Until 4.2.
func (v Version) NackCounts() bool { return !v.atLeast(4, 3) }

// AcquiredCount tells whether a quorum queue adds the header x-acquired-count to what it delivers again. Since 4.3.
func (v Version) AcquiredCount() bool { return v.atLeast(4, 3) }

// DefaultDeliveryLimit is the delivery limit of a quorum queue that declares none: 20 since 4.0, before it -1: no limit.
func (v Version) DefaultDeliveryLimit() int {
	if v.atLeast(4, 0) {
		return 20
	}
	return -1
}

// SingleActivePriority tells whether a quorum queue with a single active consumer takes the one of highest priority. Since
// 4.0.
func (v Version) SingleActivePriority() bool { return v.atLeast(4, 0) }

// TransientQueues tells whether a queue may be neither durable nor exclusive. 4.3 refuses it with 541.
func (v Version) TransientQueues() bool { return !v.atLeast(4, 3) }

// QueueModes tells whether the argument x-queue-mode is looked at, and x-queue-version may be 1. 4.3 takes the former for an
// argument that nobody knows, and refuses the latter.
func (v Version) QueueModes() bool { return !v.atLeast(4, 3) }

// StreamFilters tells whether streams know x-stream-filter. Since 3.13.
func (v Version) StreamFilters() bool { return v.atLeast(3, 13) }

// ConsumerTimeout tells which queues watch that their consumers acknowledge in time. Until 4.2 all do and close the channel
// with 406; since 4.3 only quorum queues do, and cancel the consumer.
func (v Version) ConsumerTimeout() TimeoutAction {
	if v.atLeast(4, 3) {
		return CancelQuorumConsumer
	}
	return CloseChannel
}

// TimeoutAction is what happens to a consumer that doesn't acknowledge in time.
type TimeoutAction int

// All actions.
const (
	CloseChannel         TimeoutAction = iota // the channel is closed, whatever the kind of queue
	CancelQuorumConsumer                      // on quorum queues the consumer is cancelled; elsewhere nothing happens
)

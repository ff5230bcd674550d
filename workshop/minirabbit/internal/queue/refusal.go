package queue

import (
	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/version"
)

// CheckDelete returns why the queue can't be deleted under a condition: quorum queues know none (540). Whether a classic queue
// is in use or not empty is not looked at here; streams ignore conditions.
func (s *Settings) CheckDelete(_ version.Version, ifUnused, ifEmpty bool) *fault.Error {
	flag := ""
	switch {
	case s.Kind != Quorum:
	case ifUnused:
		flag = "if-unused"
	case ifEmpty:
		flag = "if-empty"
	}
	if flag == "" {
		return nil
	}
	return fault.Connection(fault.NotImplemented,
		"cannot delete %s. queue.delete operations with %s flag set are not supported by quorum queues", s.title(), flag)
}

// CheckReturn returns why a delivery of the queue can't be rejected: streams don't take basic.nack and basic.reject before 4.0
// (540).
func (s *Settings) CheckReturn(v version.Version) *fault.Error {
	if s.Kind == Stream && !v.StreamsTakeNacks() {
		return fault.Connection(fault.NotImplemented, "basic.nack and basic.reject not supported by stream queues %s", s.title())
	}
	return nil
}

// checkGet returns why the queue refuses basic.get.
func (q *Queue) checkGet() *fault.Error {
	switch {
	case q.settings.Kind == Stream:
		return fault.Connection(fault.NotImplemented, "basic.get not supported by stream queues %s", q.settings.title())
	case q.settings.Kind == Quorum && q.settings.SingleActive:
		return fault.Channel(fault.ResourceLocked, "cannot obtain access to locked %s. basic.get operations are not supported by "+
			"quorum queues with single active consumer", q.settings.title())
	}
	return nil
}

// checkConsume returns why the queue refuses the consumer.
func (q *Queue) checkConsume(c *Consumer) *fault.Error {
	s := &q.settings
	switch {
	case s.Kind == Stream && c.Prefetch == 0:
		if q.version.StreamsTakeNacks() {
			return fault.Channel(fault.PreconditionFailed, "consumer prefetch count is not set for stream %s", s.title())
		}
		return fault.Channel(fault.PreconditionFailed, "consumer prefetch count is not set for '%s'", s.title())
	case s.Kind == Stream && c.NoAck:
		return fault.Connection(fault.NotImplemented, "automatic acknowledgement not supported by %s%s", q.version.StreamTitle(), s.title())
	case s.Kind != Classic && c.ChannelLimit:
		return fault.Connection(fault.NotImplemented, "%s does not support global qos", s.title())
	case s.Kind == Classic && (q.exclusive != nil || c.Exclusive && (s.SingleActive || len(q.members) > 0)):
		return fault.Channel(fault.AccessRefused, "%s in exclusive use", s.title())
	}
	return nil
}

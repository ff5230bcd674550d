package queue

import (
	"slices"
	"strings"

	"warren.example/workshop/minirabbit/internal/fault"
	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// declarable are the arguments that a kind of queue knows. One that only other kinds know is refused, one that none knows
// is ignored.
func declarable(v version.Version, k Kind) []string {
	switch k {
	case Classic:
		known := []string{
			"x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length", "x-max-length-bytes",
			"x-max-priority", "x-overflow", "x-queue-mode", "x-queue-version", "x-single-active-consumer", "x-queue-type",
			"x-queue-master-locator",
		}
		if v.ClassicLeaderLocator() {
			known = append(known, "x-queue-leader-locator")
		}
		return known
	case Quorum:
		known := []string{
			"x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-expires", "x-max-length",
			"x-max-length-bytes", "x-max-in-memory-length", "x-max-in-memory-bytes", "x-overflow", "x-single-active-consumer",
			"x-queue-type", "x-quorum-initial-group-size", "x-delivery-limit", "x-message-ttl", "x-queue-leader-locator",
		}
		if v.QuorumTimeouts() {
			known = append(known, "x-consumer-disconnected-timeout", "x-consumer-timeout",
				"x-delayed-retry-type", "x-delayed-retry-min", "x-delayed-retry-max")
		}
		return known
	}
	known := []string{"x-max-length-bytes", "x-queue-type", "x-max-age", "x-stream-max-segment-size-bytes"}
	if v.QuorumTimeouts() {
		known = append(known, "x-stream-filter-size-bytes")
	}
	return append(known, "x-initial-cluster-size", "x-queue-leader-locator")
}

// CheckServerNamed returns why a queue with the name "" can't be declared: 406 for all kinds but classic. It is asked before
// a name is invented.
func CheckServerNamed(_ version.Version, declare *wire.QueueDeclare) *fault.Error {
	kind, ok := kindOf(declare.Arguments)
	if !ok || kind == Classic {
		return nil
	}
	return fault.Channel(fault.PreconditionFailed, "Cannot declare a server-named queue for type %s", kind.module())
}

// kindOf reads x-queue-type. It returns false if that is no kind.
func kindOf(a wire.Table) (Kind, bool) {
	v, ok := a.Get("x-queue-type")
	if !ok {
		return Classic, true
	}
	for _, k := range []Kind{Classic, Quorum, Stream} {
		if v == wire.String(k.String()) {
			return k, true
		}
	}
	return Classic, false
}

// withKind returns the arguments as RabbitMQ keeps them: since 4.0 the kind is always among them, and they are sorted.
func withKind(v version.Version, a wire.Table) wire.Table {
	if !v.ListsQueueType() {
		return a
	}
	given, ok := a.Get("x-queue-type")
	if ok && given != wire.String("undefined") {
		return a
	}
	a = slices.DeleteFunc(slices.Clone(a), func(f wire.Field) bool { return f.Name == "x-queue-type" })
	a = append(a, wire.Field{Name: "x-queue-type", Value: wire.String(Classic.String())})
	slices.SortStableFunc(a, func(x, y wire.Field) int { return strings.Compare(x.Name, y.Name) })
	return a
}

// ParseArguments reads the declaration of a queue that isn't there yet. Name is declare.Queue. Passive and NoWait don't
// matter. Its errors are RabbitMQ's, found in RabbitMQ's order: wrong arguments 406, or 541 where RabbitMQ itself stumbles;
// properties that the kind doesn't have 406; since 4.3, a queue that is neither durable nor exclusive 541. What minirabbit
// can't do is refused with 540.
func ParseArguments(v version.Version, virtualHost string, declare *wire.QueueDeclare) (Settings, *fault.Error) {
	s := Settings{
		VirtualHost: virtualHost,
		Name:        declare.Queue,
		Durable:     declare.Durable && !declare.Exclusive,
		Exclusive:   declare.Exclusive,
		AutoDelete:  declare.AutoDelete,
		Arguments:   withKind(v, declare.Arguments),
	}
	if x, ok := s.Arguments.Get("x-dead-letter-exchange"); ok && field.TypeName(x) != "longstr" {
		return s, fault.Channel(fault.PreconditionFailed, "invalid type '%s' for arg 'x-dead-letter-exchange' in %s", field.TypeName(x), s.title())
	}
	var ok bool
	if s.Kind, ok = kindOf(s.Arguments); !ok {
		value, _ := s.Arguments.Get("x-queue-type")
		return s, invalid("x-queue-type", s.title(), checkType(value))
	}
	if err := s.checkArguments(v); err != nil {
		return s, err
	}
	if err := s.checkProperties(v, declare); err != nil {
		return s, err
	}
	if err := s.checkSupported(v); err != nil {
		return s, err
	}
	s.fill(v.DefaultDeliveryLimit(), v.NegativeDeliveryLimit())
	return s, nil
}

// checkArguments looks at each argument that the kind knows, in RabbitMQ's order, and then for those it doesn't.
func (s *Settings) checkArguments(v version.Version) *fault.Error {
	known := declarable(v, s.Kind)
	for _, c := range checks(v) {
		value, ok := s.Arguments.Get(c.name)
		if !ok || !slices.Contains(known, c.name) {
			continue
		}
		if reason := c.check(value, s.Arguments); reason != "" {
			return invalid(c.name, s.title(), reason)
		}
	}
	for _, f := range s.Arguments {
		if slices.Contains(known, f.Name) {
			continue
		}
		for _, other := range []Kind{Classic, Quorum, Stream} {
			if slices.Contains(declarable(v, other), f.Name) {
				return misplaced(f.Name, s)
			}
		}
	}
	return nil
}

// stumbles is the reason of a check over which RabbitMQ stumbles: the connection is closed with 541.
const stumbles = "\x00"

func invalid(name, title, reason string) *fault.Error {
	if reason == stumbles {
		return fault.Connection(fault.InternalError, "")
	}
	return fault.Channel(fault.PreconditionFailed, "invalid arg '%s' for %s: %s", name, title, reason)
}

func misplaced(name string, s *Settings) *fault.Error {
	return fault.Channel(fault.PreconditionFailed, "invalid arg '%s' for %s of queue type %s", name, s.title(), s.Kind.module())
}

// maxSegmentBytes is how large a segment of a stream may be.
const maxSegmentBytes = 3_000_000_000

// checkProperties looks at what isn't an argument, and at what RabbitMQ checks only after that.
func (s *Settings) checkProperties(v version.Version, declare *wire.QueueDeclare) *fault.Error {
	if !v.TransientQueues() && !declare.Durable && !declare.Exclusive {
		return fault.Connection(fault.InternalError, "%s", transientRefused)
	}
	if s.Kind == Classic {
		return nil
	}
	for _, p := range []struct {
		wrong bool
		name  string
	}{{declare.AutoDelete, "auto-delete"}, {declare.Exclusive, "exclusive-owner"}, {!s.Durable, "non-durable"}} {
		if p.wrong {
			return fault.Channel(fault.PreconditionFailed, "invalid property '%s' for %s", p.name, s.title())
		}
	}
	if s.Kind != Stream {
		return nil
	}
	if n := integer(s.Arguments, "x-stream-max-segment-size-bytes"); n != nil && *n > maxSegmentBytes {
		return fault.Channel(fault.PreconditionFailed, "Exceeded max value for x-stream-max-segment-size-bytes")
	}
	if n := integer(s.Arguments, "x-stream-filter-size-bytes"); n != nil && v.StreamFilters() && (*n > 255 || *n < 16) {
		return fault.Channel(fault.PreconditionFailed, "%s", filterSizeRefused(v))
	}
	return nil
}

// filterSizeRefused has a blank too many until 4.2.
func filterSizeRefused(v version.Version) string {
	if v.QuorumTimeouts() {
		return "Invalid value for x-stream-filter-size-bytes"
	}
	return "Invalid value for  x-stream-filter-size-bytes"
}

// transientRefused is how 4.3 answers (rabbit_deprecated_features).
const transientRefused = "Feature `transient_nonexcl_queues` is deprecated.\n" +
	"By default, this feature is not permitted anymore.\n" +
	"The feature will be removed from a future major RabbitMQ version, regardless of the configuration; actual version to be " +
	"determined.\nTo continue using this feature when it is not permitted by default, set the following parameter in your " +
	"configuration:\n    \"deprecated_features.permit.transient_nonexcl_queues = true\""

// checkSupported refuses what RabbitMQ does and minirabbit doesn't.
func (s *Settings) checkSupported(v version.Version) *fault.Error {
	name := "x-max-priority"
	if s.Kind == Quorum && v.QuorumTimeouts() {
		name = "x-delayed-retry-type"
	}
	if value, ok := s.Arguments.Get(name); ok && value != wire.String("disabled") {
		return fault.Connection(fault.NotImplemented, "minirabbit doesn't know the argument '%s' of %s", name, s.title())
	}
	return nil
}

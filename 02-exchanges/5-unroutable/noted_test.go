package unroutable_test

import (
	"runtime"
	"testing"

	"warren.example/workshop/tap"
)

// A return and the ack behind it come together, and the caller wakes up before anybody has looked at the return. On one
// processor it is so each time: of two goroutines that one has woken, the last runs first. Hence it doesn't run beside others.
func TestReturnThatHasJustComeCounts(t *testing.T) {
	s := shopAlone(t)
	processors := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(processors)
	ack := s.holdConfirm(1)
	returned := s.lab.Tap.Add(tap.Hold{On: tap.Trigger{Filter: returning}})
	call := s.publish("order-7", typo)
	s.sent(1)
	s.mustReturn(1)
	s.lab.Await("RabbitMQ to ack order-7", func() bool { return ack.Struck() > 0 })

	returned.Remove()
	ack.Remove()

	s.mustBeUnroutable(call, "order-7 was given back, and acked right behind")
}

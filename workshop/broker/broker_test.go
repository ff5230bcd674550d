package broker_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"warren.example/workshop/broker"
)

// patience is the deadline of each wait; nothing is proved by its length.
const patience = 30 * time.Second

// realManagement is what WORKSHOP_MANAGEMENT_URL said.
var realManagement = os.Getenv(broker.EnvManagement)

func TestMain(m *testing.M) {
	// A developer's own settings must not choose the broker of these tests.
	for _, name := range []string{"WORKSHOP_BROKER", "WORKSHOP_MANAGEMENT_URL"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

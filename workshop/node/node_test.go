package node_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	patience  = 30 * time.Second      // the deadline of each wait; nothing is proved by its length
	pollEvery = 10 * time.Millisecond // between two looks
)

func TestMain(m *testing.M) {
	if os.Getenv(envClient) != "" {
		beClient()
	}
	goleak.VerifyTestMain(m)
}

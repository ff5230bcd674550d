//go:build unix

package native_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	patience  = 3 * time.Minute       // the deadline of each wait; nothing is proved by its length
	pollEvery = 20 * time.Millisecond // between two looks
)

func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		play(role)
	}
	goleak.VerifyTestMain(m)
}

package wait_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	wait "warren.example/02-second/1-wait"
)

func TestReturnsAfterCtx(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait.Wait(ctx); !errors.Is(err, context.Canceled) {
		fail(t, err, fmt.Sprintf("Wait() = %v", err), "context canceled")
	}
}

// fail says in the course's form what is wrong.
func fail(t *testing.T, err error, saw, want string) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "not done yet") {
		t.Fatal("not done yet  wait.go:8 TODO(02/1)")
	}
	t.Fatalf("\n    saw   %s\n    want  %s\n    why   who does not wait is too early\n    wire  nothing\n    read  01-first/README.md#names", saw, want)
}

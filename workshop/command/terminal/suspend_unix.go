//go:build !windows

package terminal

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

const canSuspend = true

// suspendJob stops all processes of this job, `go run` and make among them, and returns after the shell's fg.
func suspendJob() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return
	}
	select {
	case <-resumed:
	case <-time.After(time.Second): // a job without a shell above it isn't stopped at all
	}
}

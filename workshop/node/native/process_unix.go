//go:build unix

package native

import (
	"errors"
	"os/exec"
	"syscall"
)

// The signals that stop, pause and resume a node.
const (
	sigStop   = syscall.SIGTERM
	sigPause  = syscall.SIGSTOP
	sigResume = syscall.SIGCONT
)

func inOwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) } // the only error: it has ended

// send sends a signal. A process that does not exist any more gives errDead.
func send(pid int, s syscall.Signal) error {
	err := syscall.Kill(pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return errDead
	}
	return err
}

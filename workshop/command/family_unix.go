//go:build !windows

package command

import (
	"os/exec"
	"syscall"
)

// A family is a child process with what it starts: `go run` starts the program that it built, and doesn't end it.
type family struct {
	cmd     *exec.Cmd
	isGroup bool // a process group of its own
}

// familyOf prepares cmd before it is started. In a terminal the child stays in this process's group: so it may read from the
// terminal, and the terminal tells all of the group about Ctrl-C.
func familyOf(cmd *exec.Cmd, inTerminal bool) *family {
	if !inTerminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	return &family{cmd: cmd, isGroup: !inTerminal}
}

// ask tells the family to end in its own way.
func (f *family) ask() error { return f.signal(syscall.SIGINT) }

// end ends who is left.
func (f *family) end() { _ = f.signal(syscall.SIGKILL) }

func (f *family) signal(s syscall.Signal) error {
	if f.isGroup {
		return syscall.Kill(-f.cmd.Process.Pid, s)
	}
	return f.cmd.Process.Signal(s)
}

// killedBy returns the exit code by which shells report that a process was ended by a signal.
func killedBy(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exitFailed
}

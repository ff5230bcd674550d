//go:build unix

package gotest

import (
	"os/exec"
	"syscall"
)

// A family is a child process with all that it starts: a process group of its own.
type family struct{ cmd *exec.Cmd }

// newFamily prepares cmd before it is started.
func newFamily(cmd *exec.Cmd) *family {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &family{cmd: cmd}
}

// started is called once cmd runs.
func (f *family) started() error { return nil }

// ask tells the family to end. A go command ends at once then and leaves its temporary folders: see inFolder.
func (f *family) ask() error { return syscall.Kill(-f.cmd.Process.Pid, syscall.SIGTERM) }

// end ends whoever of the family is left. The group's number is not given to another while a member lives.
func (f *family) end() {
	_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL) // ESRCH: nobody is left
}

//go:build !windows

package command

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts a command into a session of its own: no Ctrl-C of this terminal reaches it, nor does the terminal's end.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// askToEnd lets a process end in its own way.
func askToEnd(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }

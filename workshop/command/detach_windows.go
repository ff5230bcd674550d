package command

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detach gives a command no console: no Ctrl-C of this one reaches it, nor does its closing.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS,
	}
}

// askToEnd ends a process at once: Windows has no signal for one without a console.
func askToEnd(p *os.Process) { _ = p.Kill() }

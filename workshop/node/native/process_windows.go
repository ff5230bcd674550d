package native

import (
	"os/exec"
	"syscall"

	"warren.example/workshop/broker"
)

// New never returns a driver on Windows, so nothing here is ever called.
const (
	sigStop   = syscall.Signal(0)
	sigPause  = syscall.Signal(0)
	sigResume = syscall.Signal(0)
)

func inOwnGroup(*exec.Cmd) {}

func killGroup(int) {}

func send(int, syscall.Signal) error {
	return &broker.UnsupportedError{Ability: broker.Breakable, Source: "Windows"}
}

package command

import "os/exec"

// A family is a child process. The console tells all of its processes about Ctrl-C.
type family struct{ cmd *exec.Cmd }

func familyOf(cmd *exec.Cmd, _ bool) *family { return &family{cmd: cmd} }

// ask does nothing: the family has heard Ctrl-C itself, and is killed when it doesn't end.
func (f *family) ask() error { return nil }

// end kills the child if it is left.
func (f *family) end() { _ = f.cmd.Process.Kill() }

func killedBy(*exec.ExitError) int { return exitFailed }

package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// guardScript runs a program, its arguments, and ends its whole process group when the program has ended, and when its
// own input ends. The input is a pipe that only this process holds open, so the second comes true however this process
// ends. The program itself must not read the pipe. SIGHUP must not end the guard first: the system sends it to a group that
// loses its last tie to a session while one of its processes is stopped, and that is what happens when this process dies
// while a node is paused.
//
//	this process ── pipe ──▶ sh, waits for the pipe's end ┐
//	                         sh, waits for the program    ├ one process group
//	                         the program and its children ┘
const guardScript = `
trap '' HUP
{ "$@" </dev/null; kill -9 0; } &
read -r _
kill -9 0
`

// A guard is a running program in a process group of its own.
type guard struct {
	group int           // the process group, and the process that leads it
	stdin io.Closer     // its end ends the group
	ended chan struct{} // closed when the group's leader has ended
}

// startGuard starts a program; what it prints goes to a file.
func startGuard(c command, output string) (*guard, error) {
	file, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.args[0], err)
	}
	defer file.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "guard"}, c.args...)...)
	cmd.Env = c.environment
	cmd.Dir = "/" // a folder that is never deleted
	cmd.Stdout, cmd.Stderr = file, file
	inOwnGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.args[0], err)
	}
	g := &guard{group: cmd.Process.Pid, stdin: stdin, ended: make(chan struct{})}
	go func() {
		defer close(g.ended)
		_ = cmd.Wait()     // killed, always: by itself or by kill
		killGroup(g.group) // there is somebody left only if somebody else killed the leader alone
	}()
	return g, nil
}

// isRunning reports whether the program still runs.
func (g *guard) isRunning() bool {
	select {
	case <-g.ended:
		return false
	default:
		return true
	}
}

// errEnded says that a program ended before it was ready.
var errEnded = errors.New("ended too early")

// kill ends the group as kill -9 does, and waits for its leader's end. The others may take a moment longer.
func (g *guard) kill() {
	if g.isRunning() {
		killGroup(g.group)
	}
	g.stdin.Close()
	<-g.ended
}

// until waits until a condition is met. It is an error when the program or ctx ends first.
func (g *guard) until(ctx context.Context, isMet func() bool) error {
	for !isMet() {
		select {
		case <-g.ended:
			return errEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollEvery):
		}
	}
	return nil
}

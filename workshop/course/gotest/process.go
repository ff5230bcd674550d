package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// grace is how long a family that was told to end may take before it is ended.
const grace = 3 * time.Second

// command prepares a command in a folder, with env added to this process's environment. When ctx ends, the command and
// all that it started are told to end, and are ended after a grace.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (*exec.Cmd, *family) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// PWD must be spelled like dir: go takes the working directory from it, and an overlay whose keys are spelled
	// otherwise is silently ignored.
	cmd.Env = append(os.Environ(), "PWD="+dir)
	cmd.Env = append(cmd.Env, env...)
	f := newFamily(cmd)
	cmd.Cancel = f.ask
	cmd.WaitDelay = grace
	return cmd, f
}

// run runs a prepared command to its end and leaves nothing of its family behind. A bad exit is an *exec.ExitError.
func run(cmd *exec.Cmd, f *family) error {
	if err := start(cmd, f); err != nil {
		return err
	}
	defer f.end()
	err := cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) { // it ended well, but one of its children kept its output open
		return nil
	}
	return err
}

func start(cmd *exec.Cmd, f *family) error {
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%w: install Go 1.25 or newer (https://go.dev/dl) and see that it is in PATH", err)
		}
		return err
	}
	if err := f.started(); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		f.end()
		return err
	}
	return nil
}

// goCommand runs `go args…` and returns what it said, standard output and error together.
func goCommand(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	cmd, f := command(ctx, dir, env, "go", args...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	err := run(cmd, f)
	if ctx.Err() != nil {
		return said.String(), fmt.Errorf("go %s: %w", args[0], context.Cause(ctx))
	}
	return said.String(), err
}

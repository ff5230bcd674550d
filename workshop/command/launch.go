package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/scratch"
)

// How often a supervisor that starts is asked whether it serves, and how long one that was called off may take to end.
const (
	askEvery   = 100 * time.Millisecond
	endingTime = 20 * time.Second
)

// launch starts the supervisor in a session of its own and returns when it serves.
//
//	up ──starts──► supervise (own session, log in .workshop/supervisor.log)
//	   ◄──lines──  progress, or why it gave up
//	   ──asks───►  are you there? (state file, then HTTP)
//
// If ctx ends first, the supervisor is ended too. After launch it has no tie to this process.
func (c *console) launch(ctx context.Context, o upOptions) (broker.Status, error) {
	cmd, log, err := superviseCommand(o)
	if err != nil {
		return broker.Status{}, err
	}
	defer log.Close() // the supervisor has its own handle
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return broker.Status{}, err
	}
	if err := cmd.Start(); err != nil {
		return broker.Status{}, fmt.Errorf("start the supervisor: %w", err)
	}
	said := make(chan superviseLine)
	go readLines(stdout, said)

	status, err := c.awaitBroker(ctx, said, log.Name())
	if err == nil {
		go drain(said) // until this process ends: a supervisor whose `up` hung up goes on without it
		return status, cmd.Process.Release()
	}
	end(cmd, said)
	if ctx.Err() != nil {
		return broker.Status{}, ctx.Err()
	}
	return broker.Status{}, err
}

// superviseCommand prepares the supervisor: a copy of this program, because `go run` deletes its own when it ends.
func superviseCommand(o upOptions) (*exec.Cmd, *os.File, error) {
	root, err := scratch.Root()
	if err != nil {
		return nil, nil, err
	}
	dir, err := scratch.Dir()
	if err != nil {
		return nil, nil, err
	}
	program, err := copyOfMe(filepath.Join(dir, "bin"))
	if err != nil {
		return nil, nil, fmt.Errorf("copy this program to %s: %w", filepath.Join(dir, "bin"), err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "supervisor.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("the supervisor's log: %w", err)
	}
	args := []string{"supervise", "--nodes", strconv.Itoa(o.nodes)}
	if o.with != "" {
		args = append(args, "--with", o.with)
	}
	if o.mini {
		args = append(args, "--mini")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = root
	cmd.Stderr = log
	detach(cmd)
	return cmd, log, nil
}

// copyOfMe copies the running program into a folder and returns the copy's path.
func copyOfMe(folder string) (string, error) {
	me, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(folder, "workshop")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	from, err := os.Open(me)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp(folder, "workshop-*.tmp")
	if err != nil {
		return "", err
	}
	defer os.Remove(to.Name()) // after the rename there is nothing to remove
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return "", err
	}
	if err := errors.Join(to.Chmod(0o755), to.Close()); err != nil {
		return "", err
	}
	return name, os.Rename(to.Name(), name)
}

// readLines passes on what the supervisor says, and closes said when it says nothing any more.
func readLines(stdout io.Reader, said chan<- superviseLine) {
	defer close(said)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line superviseLine
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			said <- line
		}
	}
}

func drain(said <-chan superviseLine) {
	for range said {
	}
}

// awaitBroker shows progress until the supervisor serves or gives up.
func (c *console) awaitBroker(ctx context.Context, said <-chan superviseLine, log string) (broker.Status, error) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return broker.Status{}, ctx.Err()
		case line, ok := <-said:
			switch {
			case line.Late:
				c.progress("  Another up is at work: waiting for its broker.")
				said = nil
				continue
			case !ok:
				return broker.Status{}, fmt.Errorf("the supervisor ended without a word; its log: %s", folderForUser(log))
			case line.NoWay:
				return broker.Status{}, fmt.Errorf("%w", errNoWay)
			case line.Failed != "":
				return broker.Status{}, fmt.Errorf("%s\nThe log: %s", line.Failed, folderForUser(log))
			case line.Refused != "":
				c.remark(line.Refused)
			default:
				c.progress("  %s", line.Progress)
			}
		case <-ticker.C:
			status, err := node.Status(ctx)
			if err == nil {
				return status, nil
			}
			if !errors.Is(err, broker.ErrNone) && ctx.Err() == nil {
				return broker.Status{}, err
			}
		}
	}
}

// end asks a supervisor to end and waits until it has, with all its nodes. One that doesn't is killed.
func end(cmd *exec.Cmd, said <-chan superviseLine) {
	askToEnd(cmd.Process)
	late := time.AfterFunc(endingTime, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	drain(said)
	_ = cmd.Wait()
}

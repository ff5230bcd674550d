package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"warren.example/workshop/scratch"
)

// A child is the second program, running.
type child struct {
	cmd *exec.Cmd
	rpc *rpc.Client
	log string
}

// startChild starts the program. It ends when close is called, or when this process ends, however sudden: its standard
// input closes then.
func startChild(program string) (*child, error) {
	dir, err := scratch.Dir()
	if err != nil {
		return nil, err
	}
	log, err := openLog(filepath.Join(dir, "containers.log"))
	if err != nil {
		return nil, fmt.Errorf("log of the program that talks to Docker: %w", err)
	}
	defer log.Close() // the child has its own handle
	cmd := exec.Command(program)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the program that talks to Docker: %w", err)
	}
	return &child{cmd: cmd, rpc: jsonrpc.NewClient(pipes{stdout, stdin}), log: log.Name()}, nil
}

// mostLog is how long the log may grow before it begins anew, in bytes.
const mostLog = 1 << 20

// openLog opens the log to write at its end: several children at once may have the same.
func openLog(path string) (*os.File, error) {
	how := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > mostLog {
		how |= os.O_TRUNC
	}
	return os.OpenFile(path, how, 0o644)
}

// call runs one method in the child. When ctx ends first, the method goes on there; its result is thrown away.
func (c *child) call(ctx context.Context, method string, request, reply any) error {
	call := c.rpc.Go(Service+"."+method, request, reply, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
	}
	if errors.Is(call.Error, rpc.ErrShutdown) || errors.Is(call.Error, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the program that talks to Docker has ended; its log is %s", c.log)
	}
	return call.Error
}

// close ends the child and with it all containers. A child that does not end within a minute is killed.
func (c *child) close() error {
	c.rpc.Close() // closes its standard input
	late := time.AfterFunc(time.Minute, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("the program that talks to Docker: %w; its log is %s", err, c.log)
	}
	return nil
}

// pipes joins the child's output and input to one connection.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close closes the child's input only: the child still writes while it removes its containers, and the reader ends with it.
func (p pipes) Close() error { return p.in.Close() }

package native

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"warren.example/workshop/broker"
)

// Kill ends the node's process group by SIGKILL, and returns when its ports are free.
func (s *server) Kill(ctx context.Context) error {
	s.end()
	return s.untilGone(ctx)
}

// Stop asks the node to end by SIGTERM, which shuts RabbitMQ down in order, and waits for its end. 3.10 takes five
// seconds for that, however it is asked.
func (s *server) Stop(ctx context.Context) error {
	run := s.current()
	if run == nil {
		return nil
	}
	err := s.signal(sigStop)
	if err == nil {
		err = s.signal(sigResume) // one that is paused could not end
	}
	if err != nil && !errors.Is(err, errDead) { // it may have ended by itself meanwhile
		return fmt.Errorf("stop %s: %w", s.info.Name, err)
	}
	select {
	case <-run.ended:
		return s.untilGone(ctx)
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", s.info.Name, context.Cause(ctx))
	}
}

// Start runs the node again with its data.
func (s *server) Start(ctx context.Context) error {
	if s.current() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := s.untilGone(ctx)
	if err == nil {
		err = s.launch()
	}
	if err == nil {
		err = await(ctx, []*server{s}, nil)
	}
	if err != nil {
		s.end()
		return fmt.Errorf("start %s again: %w", s.info.Name, err)
	}
	return nil
}

// Pause stops the node's virtual machine by SIGSTOP. The guard keeps running: it must see the end of this process.
func (s *server) Pause(context.Context) error {
	if err := s.signal(sigPause); err != nil {
		return fmt.Errorf("pause %s: %w", s.info.Name, err)
	}
	return nil
}

// Resume lets it go on by SIGCONT.
func (s *server) Resume(context.Context) error {
	if err := s.signal(sigResume); err != nil {
		return fmt.Errorf("resume %s: %w", s.info.Name, err)
	}
	return nil
}

// signal sends a signal to the virtual machine alone. The error is errDead when there is none.
func (s *server) signal(sig syscall.Signal) error {
	if s.current() == nil {
		return errDead
	}
	pid, err := s.pid()
	if err != nil {
		return err
	}
	return send(pid, sig)
}

// Alarm makes the node believe that it uses too much memory, by a limit of 0 bytes, or restores the limit. That is what
// https://www.rabbitmq.com/docs/memory#configuring-threshold says to do for a test; rabbitmqctl takes about two seconds.
func (s *server) Alarm(ctx context.Context, on bool) error {
	limit := []string{"absolute", memoryLimit}
	if on {
		limit = []string{"0"}
	}
	if err := s.control(ctx, append([]string{"set_vm_memory_high_watermark"}, limit...)...); err != nil {
		return fmt.Errorf("memory alarm of %s: %w", s.info.Name, err)
	}
	return nil
}

// Advance is not possible: a real node goes by the machine's clock.
func (s *server) Advance(context.Context, time.Duration) error {
	return &broker.UnsupportedError{Ability: broker.Clock, Source: s.group.driver.name()}
}

// control runs rabbitmqctl for the node.
func (s *server) control(ctx context.Context, args ...string) error {
	if s.current() == nil {
		return errDead
	}
	c := s.command(append([]string{s.group.driver.server.script("rabbitmqctl")}, args...)...)
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = c.environment
	cmd.Dir = "/"
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("rabbitmqctl %s: %w: %s", args[0], err, strings.TrimSpace(string(output)))
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"warren.example/workshop/node/docker"
)

// RabbitMQ may take stopPatience to stop in an orderly way when it is asked itself, and signalPatience, in seconds, when its
// container is. After that it is killed.
const (
	stopPatience   = 30 * time.Second
	signalPatience = 15
)

// do does one action. It looks at the container's state first, so that doing what is done already is no error.
func do(ctx context.Context, engine *testcontainers.DockerClient, request docker.DoRequest) error {
	inspected, err := engine.ContainerInspect(ctx, request.Container, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("look at the container: %w", err)
	}
	state := inspected.Container.State
	id := request.Container
	switch request.Action {
	case docker.Kill:
		if state.Running {
			_, err = engine.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "KILL"})
		}
		if err == nil {
			err = waitStopped(ctx, engine, id)
		}
	case docker.Stop:
		if state.Running {
			err = stop(ctx, engine, id)
		}
	case docker.Start:
		_, err = engine.ContainerStart(ctx, id, client.ContainerStartOptions{})
	case docker.Pause:
		if !state.Paused {
			_, err = engine.ContainerPause(ctx, id, client.ContainerPauseOptions{})
		}
	case docker.Resume:
		if state.Paused {
			_, err = engine.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
		}
	case docker.AlarmOn:
		// Less than any node needs: the alarm goes off at the next look.
		err = rabbitmqctl(ctx, engine, id, "set_vm_memory_high_watermark", "absolute", "1MB")
	case docker.AlarmOff:
		err = rabbitmqctl(ctx, engine, id, "set_vm_memory_high_watermark", "absolute", memoryLimit)
	default:
		err = fmt.Errorf("unknown action %q", request.Action)
	}
	return err
}

// stop stops RabbitMQ in order. It asks RabbitMQ itself: SIGTERM goes to the container's first process, and where that is a
// distribution's start script it passes nothing on, so that RabbitMQ would be killed in the end.
func stop(ctx context.Context, engine *testcontainers.DockerClient, id string) error {
	asked, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	err := rabbitmqctl(asked, engine, id, "stop")
	if err == nil {
		err = waitStopped(asked, engine, id)
	}
	if err == nil {
		return nil
	}
	// It can't be asked: it is still starting, say, or paused.
	seconds := signalPatience
	_, err = engine.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds})
	return err
}

// waitStopped returns when the container's processes have ended.
func waitStopped(ctx context.Context, engine *testcontainers.DockerClient, id string) error {
	wait := engine.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: "not-running"})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return err
	}
}

// rabbitmqctl runs a command of RabbitMQ's administration tool in the container.
func rabbitmqctl(ctx context.Context, engine *testcontainers.DockerClient, id string, args ...string) error {
	created, err := engine.ExecCreate(ctx, id, client.ExecCreateOptions{
		Cmd: append([]string{"rabbitmqctl"}, args...), AttachStdout: true, AttachStderr: true, TTY: true,
	})
	if err != nil {
		return fmt.Errorf("rabbitmqctl: %w", err)
	}
	attached, err := engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{TTY: true})
	if err != nil {
		return fmt.Errorf("rabbitmqctl: %w", err)
	}
	defer attached.Close()
	out, err := io.ReadAll(attached.Reader) // until the command has ended
	if err != nil {
		return fmt.Errorf("rabbitmqctl: %w", err)
	}
	result, err := engine.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	if err != nil {
		return fmt.Errorf("rabbitmqctl: %w", err)
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("rabbitmqctl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out)))
	}
	return nil
}

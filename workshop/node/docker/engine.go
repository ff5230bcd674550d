package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Image is the container image where WORKSHOP_RABBITMQ_IMAGE names no other: Docker's official image of a RabbitMQ series
// that is supported by its community (https://www.rabbitmq.com/release-information).
const Image = "rabbitmq:4.3-management"

// ErrNoEngine is the error when no Docker engine answers.
var ErrNoEngine = errors.New("no Docker engine answers (`docker version` says more)")

// ErrNoImage is the error when the image is not on this machine and no registry gives it.
var ErrNoImage = errors.New("no such image on this machine, and no registry gives it")

// How long an engine may take to answer, and how long a registry may say nothing.
const (
	engineTimeout = 15 * time.Second
	silentPull    = 15 * time.Second
)

// checkEngine returns ErrNoEngine unless the docker command is there and its engine answers within seconds.
func checkEngine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", ErrNoEngine, lastLine(out, err))
	}
	return nil
}

// fetchImage returns nil once the image is on this machine. It pulls one that is missing, and gives up with ErrNoImage when
// the registry refuses, can't be reached, or says nothing for silentPull.
func fetchImage(ctx context.Context, image string, progress func(string)) error {
	if exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	progress("pulling the image " + image)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silentPull, func() {
		cancel(fmt.Errorf("%w: the registry said nothing for %s", ErrNoImage, silentPull))
	})
	defer silence.Stop()

	cmd := exec.CommandContext(ctx, "docker", "pull", image)
	cmd.WaitDelay = time.Second
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("docker pull %s: %w", image, err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		writer.Close()
		ended <- err
	}()
	last := ""
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		silence.Reset(silentPull)
		if line := strings.TrimSpace(lines.Text()); line != "" {
			last = line
			progress(line)
		}
	}
	err := <-ended
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w: docker pull %s: %s", ErrNoImage, image, last)
}

// lastLine returns the last line of a command's output, where the reason stands, or the error when there was no output.
func lastLine(out []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}

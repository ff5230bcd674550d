package docker

import (
	"context"
	"fmt"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
)

// A container is one node. It implements broker.Node.
type container struct {
	driver *Driver
	id     string
	info   broker.Info
}

// Info returns the node's addresses on this machine.
func (c *container) Info() broker.Info { return c.info }

// Kill ends all processes of the container with SIGKILL.
func (c *container) Kill(ctx context.Context) error { return c.do(ctx, Kill) }

// Stop stops RabbitMQ with rabbitmqctl, so that it closes its connections in an orderly way, and its container ends with it.
func (c *container) Stop(ctx context.Context) error { return c.do(ctx, Stop) }

// Start starts the container again and waits until it serves.
func (c *container) Start(ctx context.Context) error {
	if err := c.do(ctx, Start); err != nil {
		return err
	}
	return node.Await(ctx, []broker.Info{c.info}, func(string) {})
}

// Pause freezes all processes of the container.
func (c *container) Pause(ctx context.Context) error { return c.do(ctx, Pause) }

// Resume ends a pause.
func (c *container) Resume(ctx context.Context) error { return c.do(ctx, Resume) }

// Alarm raises or clears the memory alarm by setting the high watermark with rabbitmqctl
// (https://www.rabbitmq.com/docs/memory#configuring-threshold).
func (c *container) Alarm(ctx context.Context, on bool) error {
	if on {
		return c.do(ctx, AlarmOn)
	}
	return c.do(ctx, AlarmOff)
}

// Advance can't be done: the clock of a container is the machine's.
func (c *container) Advance(context.Context, time.Duration) error {
	return &broker.UnsupportedError{Ability: broker.Clock, Source: c.driver.Name()}
}

func (c *container) do(ctx context.Context, a Action) error {
	if err := c.driver.child.call(ctx, "Do", DoRequest{Container: c.id, Action: a}, new(Empty)); err != nil {
		return fmt.Errorf("%s %s: %w", a, c.info.Name, err)
	}
	return nil
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/port"
)

// Config says which image to run. The zero value is useful.
type Config struct {
	Image    string       // "": WORKSHOP_RABBITMQ_IMAGE, or else Image
	Progress func(string) // is told what New does: pulling, building; nil: nobody listens
}

// A Driver runs nodes in containers. It implements node.Driver.
type Driver struct {
	image string
	child *child
	close func() error // ends the child, once
	ports port.Allocator
}

// New finds out within seconds whether an engine and the image are there, and makes the driver ready. Pulling the image and
// building the second program take longer where they are needed, with progress. The error is ErrNoEngine or ErrNoImage
// (errors.Is) where Docker can't serve.
func New(ctx context.Context, cfg Config) (*Driver, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Image == "" {
		cfg.Image = os.Getenv("WORKSHOP_RABBITMQ_IMAGE")
	}
	if cfg.Image == "" {
		cfg.Image = Image
	}
	if err := checkEngine(ctx); err != nil {
		return nil, err
	}
	if err := fetchImage(ctx, cfg.Image, cfg.Progress); err != nil {
		return nil, err
	}
	program, err := build(ctx, cfg.Progress)
	if err != nil {
		return nil, err
	}
	child, err := startChild(program)
	if err != nil {
		return nil, err
	}
	d := &Driver{image: cfg.Image, child: child, ports: port.Allocator{Nodes: true}, close: sync.OnceValue(child.close)}
	if err := child.call(ctx, "Ready", Empty{}, new(Empty)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Name returns "docker".
func (d *Driver) Name() string { return "docker" }

// Version asks the image for its version of RabbitMQ. No node is started; it takes about a second.
func (d *Driver) Version(ctx context.Context) (string, error) {
	// The plugins folder of every distribution has a file or folder rabbit-<version>.
	const script = `ls -d /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/rabbit-[0-9]* /opt/rabbitmq/plugins/rabbit-[0-9]* 2>/dev/null`
	out, err := exec.CommandContext(ctx, "docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", d.image, "-c", script).Output()
	name := strings.TrimSpace(string(out))
	_, version, found := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	if !found {
		return "", fmt.Errorf("image %s: no RabbitMQ found in it (%v)", d.image, err)
	}
	return strings.TrimSuffix(version, ".ez"), nil
}

// Has reports what containers can do: all but a clock that can be put forward.
func (d *Driver) Has(a broker.Ability) bool {
	return a != broker.Clock && slices.Contains(broker.Abilities(), a)
}

// Start starts the containers of a group: see node.Driver.
func (d *Driver) Start(ctx context.Context, s node.Spec) (node.Group, error) {
	progress := s.Progress
	if progress == nil {
		progress = func(string) {}
	}
	version, err := d.Version(ctx)
	if err != nil {
		return nil, err
	}
	g := &group{driver: d, name: s.Name}
	err = g.create(ctx, max(s.Nodes, 1), s.Ports, version)
	if err == nil {
		err = node.Await(ctx, g.infos(), progress)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s in Docker: %w", s.Name, errors.Join(err, g.Close()))
	}
	return g, nil
}

// Close ends all containers and the second program. Safe to call twice.
func (d *Driver) Close() error { return d.close() }

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"

	"warren.example/workshop/node/docker"
)

// group is the containers of one broker, and their network if they are several.
type group struct {
	name   string
	engine *testcontainers.DockerClient
	labels map[string]string // of everything that belongs to it

	mu         sync.Mutex // held while the group is started or removed; guards what follows
	network    *testcontainers.DockerNetwork
	containers []string
}

// start creates and starts all containers. The caller removes the group when it fails.
func (g *group) start(ctx context.Context, request docker.StartRequest) ([]string, error) {
	var hosts []string
	for _, n := range request.Nodes {
		hosts = append(hosts, n.Host)
	}
	var networks []string
	if len(hosts) > 1 {
		created, err := network.New(ctx, network.WithLabels(g.labels))
		if err != nil {
			return nil, fmt.Errorf("create a network for %s: %w", g.name, err)
		}
		g.network = created
		networks = []string{created.Name}
	}
	for _, n := range request.Nodes {
		c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
			ContainerRequest: g.describe(request.Image, n, hosts, networks),
			Started:          true,
		})
		if c != nil {
			g.containers = append(g.containers, c.GetContainerID())
		}
		if err != nil {
			return nil, fmt.Errorf("start container %s: %w", n.Host, err)
		}
	}
	return g.containers, nil
}

// describe says what a node's container is made of. Readiness is the parent's matter.
func (g *group) describe(image string, n docker.NodeRequest, hosts, networks []string) testcontainers.ContainerRequest {
	aliases := make(map[string][]string)
	for _, name := range networks {
		aliases[name] = []string{n.Host}
	}
	return testcontainers.ContainerRequest{
		Image:          image,
		Env:            environment(),
		Labels:         g.labels,
		Networks:       networks,
		NetworkAliases: aliases,
		ExposedPorts:   exposedPorts(),
		Files: []testcontainers.ContainerFile{
			{Reader: bytes.NewReader(config(n, hosts)), ContainerFilePath: configFile, FileMode: 0o644},
			{Reader: bytes.NewReader([]byte(plugins)), ContainerFilePath: pluginsFile, FileMode: 0o644},
		},
		ConfigModifier: func(c *container.Config) { c.Hostname = n.Host },
		HostConfigModifier: func(h *container.HostConfig) {
			h.PortBindings = bindings(n.Ports)
			// Erlang reserves memory for every file that it may open, and some engines allow a thousand million.
			h.Resources.Ulimits = []*container.Ulimit{{Name: "nofile", Soft: 16384, Hard: 16384}}
		},
	}
}

// remove removes containers and network. What is gone already is no error.
func (g *group) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	for _, id := range g.containers {
		errs = append(errs, removeContainer(ctx, g.engine, id))
	}
	g.containers = nil
	if g.network != nil {
		if err := g.network.Remove(ctx); err != nil && !cerrdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove network %s: %w", g.network.Name, err))
		}
		g.network = nil
	}
	return errors.Join(errs...)
}

func removeContainer(ctx context.Context, engine *testcontainers.DockerClient, id string) error {
	_, err := engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %.12s: %w", id, err)
	}
	return nil
}

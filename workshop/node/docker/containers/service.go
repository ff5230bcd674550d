package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"warren.example/workshop/node/docker"
	"warren.example/workshop/scratch"
)

// service is what the parent calls. Its methods have the form that net/rpc asks for.
type service struct {
	engine *testcontainers.DockerClient
	sign   *sign

	mu     sync.Mutex // guards groups
	groups map[string]*group
}

// newService connects to the engine and removes what a killed predecessor left.
func newService() (*service, error) {
	// The reaper would be one more image to pull. The parent's open pipe does its work.
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the Docker engine: %w", err)
	}
	sign, err := newSign()
	if err != nil {
		return nil, err
	}
	s := &service{engine: engine, sign: sign, groups: make(map[string]*group)}
	return s, s.sweep(ctx)
}

// Ready only answers: newService has done its work by then.
func (s *service) Ready(docker.Empty, *docker.Empty) error { return nil }

// Start creates and starts the containers of a group.
func (s *service) Start(request docker.StartRequest, reply *docker.StartReply) error {
	g := &group{name: request.Group, engine: s.engine, labels: s.sign.labels()}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.mu.Lock()
	if _, exists := s.groups[request.Group]; exists {
		s.mu.Unlock()
		return fmt.Errorf("group %q exists already", request.Group)
	}
	s.groups[request.Group] = g
	s.mu.Unlock()

	ids, err := g.start(context.Background(), request)
	if err != nil {
		s.forget(request.Group)
		return errors.Join(err, g.remove())
	}
	reply.Containers = ids
	return nil
}

// Do does an action on a container.
func (s *service) Do(request docker.DoRequest, _ *docker.Empty) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return do(ctx, s.engine, request)
}

// Remove removes a group. It waits for a Start of the group that is under way.
func (s *service) Remove(request docker.RemoveRequest, _ *docker.Empty) error {
	g := s.forget(request.Group)
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.remove()
}

// forget takes a group out of the map and returns it, or nil.
func (s *service) forget(name string) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[name]
	delete(s.groups, name)
	return g
}

// close removes all groups.
func (s *service) close() error {
	s.mu.Lock()
	groups := s.groups
	s.groups = make(map[string]*group)
	s.mu.Unlock()
	var errs []error
	for _, g := range groups {
		g.mu.Lock()
		errs = append(errs, g.remove())
		g.mu.Unlock()
	}
	return errors.Join(append(errs, s.engine.Close(), s.sign.remove())...)
}

// sweep removes containers and networks of programs that have died without removing them. Only one program of the project
// sweeps at a time: the others wait, so that what is abandoned is gone for each of them afterwards. Programs of another
// copy of the project may still come first: what is gone, or just going, is as good as removed.
func (s *service) sweep(ctx context.Context) error {
	dir, err := scratch.Dir()
	if err != nil {
		return err
	}
	turn, err := scratch.LockWait(ctx, filepath.Join(dir, "containers.lock"))
	if err != nil {
		return fmt.Errorf("wait for another program that removes containers: %w", err)
	}
	defer turn.Unlock()
	filters := make(client.Filters).Add("label", ownerLabel)
	containers, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	for _, c := range containers.Items {
		if abandoned(c.Labels[ownerLabel]) {
			if err := removeContainer(ctx, s.engine, c.ID); err != nil && !cerrdefs.IsConflict(err) {
				return err
			}
		}
	}
	networks, err := s.engine.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	for _, n := range networks.Items {
		if abandoned(n.Labels[ownerLabel]) {
			_, err := s.engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
			if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
				return fmt.Errorf("remove network %s: %w", n.Name, err)
			}
		}
	}
	return nil
}

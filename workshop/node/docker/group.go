package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"warren.example/workshop/broker"
	"warren.example/workshop/port"
)

// portTries is how often a group is created anew because somebody took a port in the meantime.
const portTries = 3

// A group is a node in a container, or several that form a cluster.
type group struct {
	driver *Driver
	name   string
	nodes  []*container

	once sync.Once
	err  error // what the first Close returned
}

// create creates and starts the containers. It returns before they serve.
func (g *group) create(ctx context.Context, count int, wanted port.Set, version string) error {
	for try := 1; ; try++ {
		request := StartRequest{Group: g.name, Image: g.driver.image}
		g.nodes = nil
		for i := range count {
			ports, err := g.driver.ports.Ports(wanted)
			if err != nil {
				return err
			}
			wanted = port.Set{}
			host := fmt.Sprintf("%s-%d", g.name, i+1)
			request.Nodes = append(request.Nodes, NodeRequest{Host: host, Ports: ports})
			g.nodes = append(g.nodes, &container{driver: g.driver, info: info(host, ports, version)})
		}
		var reply StartReply
		err := g.driver.child.call(ctx, "Start", request, &reply)
		if err == nil {
			for i, id := range reply.Containers {
				g.nodes[i].id = id
			}
			return nil
		}
		taken := strings.Contains(err.Error(), "address already in use") || strings.Contains(err.Error(), "port is already allocated")
		if !taken || try == portTries {
			return err
		}
	}
}

func (g *group) infos() []broker.Info {
	infos := make([]broker.Info, len(g.nodes))
	for i, n := range g.nodes {
		infos[i] = n.info
	}
	return infos
}

// Nodes returns the nodes in the order of their host names.
func (g *group) Nodes() []broker.Node {
	nodes := make([]broker.Node, len(g.nodes))
	for i, n := range g.nodes {
		nodes[i] = n
	}
	return nodes
}

// Close removes the containers with their data.
func (g *group) Close() error {
	g.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		g.err = g.driver.child.call(ctx, "Remove", RemoveRequest{Group: g.name}, new(Empty))
	})
	return g.err
}

// info says where a container's ports are on this machine.
func info(host string, ports port.Set, version string) broker.Info {
	return broker.Info{
		Name:       "rabbit@" + host,
		AMQP:       fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", ports.AMQP),
		Management: fmt.Sprintf("http://guest:guest@127.0.0.1:%d", ports.Management),
		Prometheus: fmt.Sprintf("http://127.0.0.1:%d/metrics", ports.Prometheus),
		Stream:     fmt.Sprintf("rabbitmq-stream://guest:guest@127.0.0.1:%d/", ports.Stream),
		Version:    version,
	}
}

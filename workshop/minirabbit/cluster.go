package minirabbit

import (
	"errors"
	"fmt"
	"sync"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/httpapi"
)

// StartCluster starts one broker with n nodes: servers that share users, virtual hosts and queues, each with addresses of its
// own. Options are asked for each node, from 0; version, users and the like are taken from the first.
//
//	client ─▶ node 1 ─╮
//	client ─▶ node 2 ─┼─ one broker: quorum queues and streams, exclusive queues
//	client ─▶ node 3 ─╯
//
// It is as much of a cluster as a client can see that uses quorum queues:
//
//   - Stop, Kill, Pause and Restart are for one node. Its clients are cut off; what others do goes on, and queues whose leader
//     it was have one on another node. What was confirmed is there.
//   - When half of the nodes or more are dead, the others hang until there are enough again.
//   - When all are dead, it is as after the end of a single broker.
//   - Alarms and the clock are the whole cluster's.
//
// A classic queue lives on one node and is out of reach while that is dead. This isn't imitated: to declare one is answered
// with 540, unless it is exclusive. Nor is WithFolder. A node that is paused is hung, and nothing more: no queue moves its leader.
func StartCluster(n int, options func(node int) []Option) ([]*Server, error) {
	c := &cluster{}
	var nodes []*Server
	for i := range n {
		s, err := start(c, options(i))
		if err != nil {
			for _, s := range nodes {
				_ = s.Close()
			}
			return nil, err
		}
		nodes = append(nodes, s)
	}
	return nodes, nil
}

// A cluster is what the nodes of one broker know of each other. A nil one is that of a server alone.
type cluster struct {
	broker *broker.Broker // the first node's

	mu      sync.Mutex // guards what follows. It may be taken with a Server's lock held, not the other way round
	members []*member
}

// A member is a node as the others see it.
type member struct {
	server *Server
	name   string
	up     bool
	paused bool // by Pause
	closed bool
}

// errFolder is what a cluster says that shall keep things on disk.
var errFolder = errors.New("minirabbit: a cluster keeps nothing in a folder")

// join makes a server a node. It is not up yet.
func (c *cluster) join(s *Server) error {
	if s.options.folder != "" {
		return errFolder
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.cluster, s.broker, s.node = c, c.broker, fmt.Sprintf("rabbit%d@localhost", len(c.members)+1)
	c.members = append(c.members, &member{server: s, name: s.node})
	return nil
}

// change enters what became of a node, and lets those hang that are too few. It reports whether another node is up.
func (c *cluster) change(s *Server, what func(*member)) (others bool) {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	up := 0
	heir := ""
	for _, m := range c.members {
		if m.server == s {
			what(m)
		}
		if m.up {
			up++
		}
		if m.up && m.server != s && heir == "" {
			heir = m.name
		}
	}
	for _, m := range c.members {
		if m.up {
			m.server.amqp.Pause(m.paused || 2*up <= len(c.members))
		} else if m.server == s && heir != "" {
			c.broker.MoveLeaders(m.name, heir)
		}
	}
	return heir != ""
}

// leave says that a node ends. It reports whether the broker goes on without it.
func (c *cluster) leave(s *Server) (goesOn bool) {
	return c.change(s, func(m *member) { m.up, m.paused = false, false })
}

// enter says that a node is up.
func (c *cluster) enter(s *Server) { c.change(s, func(m *member) { m.up = true }) }

// close says that a node is gone for good. It reports whether others are not.
func (c *cluster) close(s *Server) (others bool) {
	c.change(s, func(m *member) { m.closed = true })
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		others = others || !m.closed
	}
	return others
}

// list is what the management API tells of the nodes: nothing of a server alone.
func (c *cluster) list() []httpapi.Member {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []httpapi.Member
	for _, m := range c.members {
		all = append(all, httpapi.Member{Name: m.name, Running: m.up})
	}
	return all
}

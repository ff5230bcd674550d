package minirabbit

import (
	"slices"

	"warren.example/workshop/minirabbit/internal/vhost"
)

// Facts is the broker at one moment, for tests to look at. It is exact, unlike the counts of a real RabbitMQ's management API,
// which are some seconds old.
type Facts struct {
	Connections []ConnectionFacts // the oldest first
	Queues      []QueueFacts      // by virtual host and name
	Channels    int
}

// ConnectionFacts is one open connection.
type ConnectionFacts struct {
	Name        string // "127.0.0.1:51234 -> 127.0.0.1:5672"
	User        string
	VirtualHost string
	Channels    int
}

// QueueFacts is one queue.
type QueueFacts struct {
	VirtualHost string
	Name        string
	Kind        string // "classic", "quorum", "stream"
	Ready       int    // messages that wait for a consumer
	Unacked     int    // messages that a consumer has and did not yet answer for
	Consumers   int
}

// Queue returns the queue in the virtual host, and false if there is none.
func (f Facts) Queue(virtualHost, name string) (QueueFacts, bool) {
	i := slices.IndexFunc(f.Queues, func(q QueueFacts) bool { return q.VirtualHost == virtualHost && q.Name == name })
	if i < 0 {
		return QueueFacts{}, false
	}
	return f.Queues[i], true
}

// Facts looks at the broker.
func (s *Server) Facts() Facts {
	var f Facts
	channels := make(map[string]int)
	for _, name := range s.broker.Hosts() {
		host, ok := s.broker.Host(name)
		if !ok {
			continue // deleted just now
		}
		snapshot := host.Snapshot()
		f.Channels += len(snapshot.Channels)
		for _, ch := range snapshot.Channels {
			channels[ch.Connection]++
		}
		for _, q := range snapshot.Queues {
			f.Queues = append(f.Queues, queueFacts(name, q))
		}
	}
	for _, c := range s.broker.Connections() {
		f.Connections = append(f.Connections, ConnectionFacts{
			Name: c.Name, User: c.User.Name, VirtualHost: c.Host, Channels: channels[c.Name],
		})
	}
	return f
}

func queueFacts(host string, q vhost.QueueView) QueueFacts {
	return QueueFacts{
		VirtualHost: host, Name: q.Name, Kind: q.Kind, Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers,
	}
}

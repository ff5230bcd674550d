package lab

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/tap"
)

const (
	heartbeat = 10 * time.Second
	ownPrefix = "lab-" // names of connections that Dial opened begin with it; all others are the learner's
)

// startTap puts the tap between URLs and the nodes. To a broker with TLS it is the tap that speaks TLS.
func (l *Lab) startTap(doors int) {
	l.t.Helper()
	var config tap.Config
	u, err := url.Parse(l.DirectURL)
	if err != nil {
		fatal(l.t, fmt.Sprintf("lab: the broker's address: %v", err))
	}
	config.Target = target(u)
	for i := 1; i < max(doors, len(l.Nodes)); i++ {
		node, err := url.Parse(l.Nodes[i%len(l.Nodes)].Info().AMQP)
		if err != nil {
			fatal(l.t, fmt.Sprintf("lab: the address of a node: %v", err))
		}
		config.More = append(config.More, target(node))
	}
	if u.Scheme == "amqps" {
		u.Scheme = "amqp"
		config.TargetTLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	l.Tap, err = tap.Start(config)
	if err != nil {
		fatal(l.t, fmt.Sprintf("lab: %v", err))
	}
	l.t.Cleanup(func() {
		if err := l.Tap.Close(); err != nil {
			l.t.Logf("lab: close the tap: %v", err)
		}
	})
	for _, at := range l.Tap.Addrs() {
		u.Host = at
		l.URLs = append(l.URLs, u.String())
	}
	l.URL = l.URLs[0]
}

// target is where a node listens.
func target(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "amqps":
		return net.JoinHostPort(u.Hostname(), "5671")
	}
	return net.JoinHostPort(u.Hostname(), "5672")
}

// Dial opens a connection through the tap. It is closed when the test ends.
func (l *Lab) Dial() *amqp.Connection {
	l.t.Helper()
	l.look()
	l.mu.Lock()
	name := fmt.Sprint(ownPrefix, len(l.conns)+1)
	l.mu.Unlock()
	conn, err := dial(l.URL, name, l.Patience(brokerDeadline))
	if err != nil {
		l.Failf("lab: dial through the tap: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conn)
	return conn
}

// Channel opens a channel on a connection of its own through the tap. Both are closed when the test ends.
func (l *Lab) Channel() *amqp.Channel {
	l.t.Helper()
	ch, err := l.Dial().Channel()
	if err != nil {
		l.Failf("lab: open a channel through the tap: %v", err)
	}
	return ch
}

// OpenChannels returns how many channels are open on a connection of Dial.
func (l *Lab) OpenChannels(conn *amqp.Connection) int {
	l.t.Helper()
	l.look()
	return len(l.connection(conn).Channels)
}

// Connections returns the connections through the tap that the learner's code opened and that are open now.
func (l *Lab) Connections() []tap.Connection {
	var open []tap.Connection
	for _, c := range l.Tap.Connections() {
		if c.Open && !strings.HasPrefix(c.Name, ownPrefix) {
			open = append(open, c)
		}
	}
	return open
}

// Crash is the sudden end of the learner's process, as far as the broker can see: its connections are cut, and from now
// on none of its connections comes through. Its functions still run, but nothing that they do arrives.
func (l *Lab) Crash() {
	l.Tap.Refuse(true)
	l.crashed.Store(true)
}

// connection returns what the tap knows of a connection of Dial.
func (l *Lab) connection(conn *amqp.Connection) tap.Connection {
	name, _ := conn.Config.Properties["connection_name"].(string)
	for _, c := range l.Tap.Connections() {
		if c.Name == name {
			return c
		}
	}
	return tap.Connection{}
}

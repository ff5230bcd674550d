package httpapi

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/minirabbit/internal/vhost"
)

// A consumerAnswer is a consumer.
type consumerAnswer struct {
	Tag            string         `json:"consumer_tag"`
	Queue          queueName      `json:"queue"`
	Channel        channelDetails `json:"channel_details"`
	AckRequired    bool           `json:"ack_required"`
	Exclusive      bool           `json:"exclusive"`
	Active         bool           `json:"active"`
	ActivityStatus string         `json:"activity_status"`
	Prefetch       int            `json:"prefetch_count"`
	Arguments      map[string]any `json:"arguments"`
}

type queueName struct {
	Name string `json:"name"`
	Host string `json:"vhost"`
}

type channelDetails struct {
	Name       string `json:"name"`
	Connection string `json:"connection_name"`
	Node       string `json:"node"`
	Number     uint16 `json:"number"`
	PeerHost   string `json:"peer_host"`
	PeerPort   int    `json:"peer_port"`
	User       string `json:"user"`
}

// channelName is how RabbitMQ names a channel: its connection and its number.
func channelName(connection string, number uint16) string {
	return fmt.Sprintf("%s (%d)", connection, number)
}

func (h *Handler) consumers(s vhost.Snapshot) []consumerAnswer {
	users := map[string]string{}
	for _, ch := range s.Channels {
		users[ch.Connection] = ch.User
	}
	var all []consumerAnswer
	for _, c := range s.Consumers {
		end := endsOf(c.Connection)
		status := "up"
		if !c.Active {
			status = "waiting"
		}
		all = append(all, consumerAnswer{
			Tag: c.Tag, Queue: queueName{c.Queue, s.Name}, AckRequired: !c.NoAck, Exclusive: c.Exclusive,
			Active: c.Active, ActivityStatus: status, Prefetch: c.Prefetch, Arguments: object(c.Arguments),
			Channel: channelDetails{
				Name: channelName(c.Connection, c.Channel), Connection: c.Connection, Node: h.config.Node, Number: c.Channel,
				PeerHost: end.peerHost, PeerPort: end.peerPort, User: users[c.Connection],
			},
		})
	}
	return all
}

// getConsumers returns the consumers that the user of the request sees (see maySee).
func (h *Handler) getConsumers(r request) (any, error) {
	return list(h, r, func(s vhost.Snapshot) []consumerAnswer {
		return slices.DeleteFunc(h.consumers(s), func(c consumerAnswer) bool { return !r.maySee(c.Channel.User) })
	})
}

// ends are the two ends of a connection.
type ends struct {
	peerHost, host string
	peerPort, port int
}

// endsOf reads a connection's name, "127.0.0.1:51234 -> 127.0.0.1:5672". What it can't read stays empty.
func endsOf(connection string) ends {
	peer, here, _ := strings.Cut(connection, " -> ")
	var e ends
	e.peerHost, e.peerPort = splitAddress(peer)
	e.host, e.port = splitAddress(here)
	return e
}

func splitAddress(address string) (string, int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return "", 0
	}
	return host, port
}

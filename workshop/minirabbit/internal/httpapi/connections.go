package httpapi

import (
	"cmp"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// A connectionAnswer is a client's connection.
type connectionAnswer struct {
	Name        string         `json:"name"`
	Host        string         `json:"vhost"`
	User        string         `json:"user"`
	Performed   string         `json:"user_who_performed_action"`
	Protocol    string         `json:"protocol"`
	Mechanism   string         `json:"auth_mechanism"`
	Type        string         `json:"type"`
	State       string         `json:"state"`
	Node        string         `json:"node"`
	Channels    int            `json:"channels"`
	PeerHost    string         `json:"peer_host"`
	PeerPort    int            `json:"peer_port"`
	HereHost    string         `json:"host"`
	HerePort    int            `json:"port"`
	SSL         bool           `json:"ssl"`
	ChannelMax  uint16         `json:"channel_max"`
	FrameMax    uint32         `json:"frame_max"`
	Heartbeat   uint16         `json:"timeout"`
	ConnectedAt int64          `json:"connected_at"` // milliseconds since 1970
	Client      map[string]any `json:"client_properties"`
}

func (h *Handler) connectionOf(c *broker.Connection, channels int) connectionAnswer {
	e := endsOf(c.Name)
	return connectionAnswer{
		Name: c.Name, Host: c.Host, User: c.User.Name, Performed: c.User.Name, Protocol: "AMQP 0-9-1", Mechanism: "PLAIN",
		Type: "network", State: "running", Node: h.config.Node, Channels: channels,
		PeerHost: e.peerHost, PeerPort: e.peerPort, HereHost: e.host, HerePort: e.port,
		SSL: c.TLS, ChannelMax: c.ChannelMax, FrameMax: c.FrameMax, Heartbeat: c.Heartbeat,
		ConnectedAt: c.Since.UnixMilli(), Client: object(c.Properties),
	}
}

// connections returns the connections that a request is about and its user sees (see maySee).
func (h *Handler) connections(r request) ([]connectionAnswer, error) {
	names, err := h.hosts(r)
	if err != nil {
		return nil, err
	}
	open := map[string]bool{}
	for _, name := range names {
		open[name] = true
	}
	channels := map[string]int{} // by connection
	for _, name := range names {
		s, _ := h.source.Snapshot(name)
		for _, ch := range s.Channels {
			channels[ch.Connection]++
		}
	}
	all := []connectionAnswer{}
	for _, c := range h.source.Connections() {
		if open[c.Host] && r.maySee(c.User.Name) {
			all = append(all, h.connectionOf(c, channels[c.Name]))
		}
	}
	return all, nil
}

func (h *Handler) getConnections(r request) (any, error) { return h.connections(r) }

func (h *Handler) getConnection(r request) (any, error) {
	all, err := h.connections(r)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Name == r.PathValue("connection") {
			return c, nil
		}
	}
	return nil, errNotFound
}

// deleteConnection ends a connection: its client gets connection.close with code 320 and the reason of the header X-Reason.
func (h *Handler) deleteConnection(r request) (any, error) {
	if _, err := h.getConnection(r); err != nil {
		return nil, err
	}
	reason := cmp.Or(r.Header.Get("X-Reason"), "Closed via management plugin")
	if !h.source.CloseConnection(r.PathValue("connection"), reason) {
		return nil, errNotFound
	}
	return nil, nil
}

func (h *Handler) getConnectionChannels(r request) (any, error) {
	if _, err := h.getConnection(r); err != nil {
		return nil, err
	}
	return h.channels(r, func(c vhost.ChannelView) bool { return c.Connection == r.PathValue("connection") })
}

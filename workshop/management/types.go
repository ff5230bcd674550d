package management

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Overview is the start of GET /api/overview: who answers.
type Overview struct {
	Product       string       `json:"product_name"` // "RabbitMQ"
	Version       string       `json:"rabbitmq_version"`
	Erlang        string       `json:"erlang_version"`
	Node          string       `json:"node"`
	ClusterName   string       `json:"cluster_name"`
	ExchangeTypes []NamedThing `json:"exchange_types"` // those of plugins too
	Listeners     []Listener   `json:"listeners"`
}

// HasExchange reports whether exchanges of a type can be declared.
func (o Overview) HasExchange(kind string) bool {
	return slices.Contains(o.ExchangeTypes, NamedThing{Name: kind})
}

// Port returns the port on which the answering node serves a protocol, as that node sees it, and 0 if it doesn't.
func (o Overview) Port(protocol string) int {
	for _, l := range o.Listeners {
		if l.Node == o.Node && l.Protocol == protocol {
			return l.Port
		}
	}
	return 0
}

// A Listener is a port on which a node serves a protocol: "amqp", "http", "http/prometheus", "stream", "clustering".
type Listener struct {
	Node     string `json:"node"`
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
}

// A NamedThing is an entry of a list of which only the name matters.
type NamedThing struct {
	Name string `json:"name"`
}

// WhoAmI is the user whose credentials the client uses.
type WhoAmI struct {
	Name string `json:"name"`
	Tags Tags   `json:"tags"` // "administrator", "management", …
}

// Tags are a user's tags. Old brokers send them as one string with commas, newer ones as a list.
type Tags []string

// UnmarshalJSON takes both forms.
func (t *Tags) UnmarshalJSON(raw []byte) error {
	var list []string
	if err := json.Unmarshal(raw, &list); err == nil {
		*t = list
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("tags of a user: %w", err)
	}
	*t = strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	return nil
}

// A Node is a node of the cluster. Its figures are up to five seconds old.
type Node struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Running     bool     `json:"running"`
	MemoryAlarm bool     `json:"mem_alarm"`
	DiskAlarm   bool     `json:"disk_free_alarm"`
	Plugins     []string `json:"enabled_plugins"`
	Partitions  []string `json:"partitions"`
}

// A VHost is a virtual host.
type VHost struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	// DefaultQueueType is "classic", "quorum" or "stream"; empty or "undefined" on old brokers.
	DefaultQueueType string `json:"default_queue_type,omitempty"`
	Tracing          bool   `json:"tracing,omitempty"`
}

// A User is a user to make. Tags are "administrator", "management", …
type User struct {
	Password string
	Tags     []string
}

// Permissions are regular expressions over the names that a user may configure, write to and read from in a virtual
// host. An empty expression allows nothing, ".*" everything.
type Permissions struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// AllPermissions allow everything.
var AllPermissions = Permissions{Configure: ".*", Write: ".*", Read: ".*"}

// A Queue is a queue. Its figures are up to five seconds old; its definition is current.
type Queue struct {
	Name       string         `json:"name"`
	VHost      string         `json:"vhost"`
	Type       string         `json:"type"` // "classic", "quorum", "stream"
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Exclusive  bool           `json:"exclusive"`
	Arguments  map[string]any `json:"arguments"`
	Policy     string         `json:"policy,omitempty"`
	Node       string         `json:"node"`
	Leader     string         `json:"leader,omitempty"`  // quorum queues and streams
	Members    []string       `json:"members,omitempty"` // quorum queues and streams
	Online     []string       `json:"online,omitempty"`
	State      string         `json:"state"`
	Messages   int            `json:"messages"`
	Ready      int            `json:"messages_ready"`
	Unacked    int            `json:"messages_unacknowledged"`
	Consumers  int            `json:"consumers"`
}

// An Exchange is an exchange. The default exchange's name is empty.
type Exchange struct {
	Name       string         `json:"name"`
	VHost      string         `json:"vhost"`
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
}

// A Binding leads from an exchange (Source, empty: the default exchange) to a queue or an exchange.
type Binding struct {
	Source          string         `json:"source"`
	VHost           string         `json:"vhost"`
	Destination     string         `json:"destination"`
	DestinationType string         `json:"destination_type"` // "queue" or "exchange"
	RoutingKey      string         `json:"routing_key"`
	Arguments       map[string]any `json:"arguments"`
}

// A Connection is a client's connection. The list is up to five seconds old.
type Connection struct {
	Name             string         `json:"name"` // "127.0.0.1:43210 -> 127.0.0.1:5672"; CloseConnection takes it
	VHost            string         `json:"vhost"`
	User             string         `json:"user"`
	Protocol         string         `json:"protocol"`
	State            string         `json:"state"`
	Node             string         `json:"node"`
	Channels         int            `json:"channels"`
	PeerHost         string         `json:"peer_host"`
	PeerPort         int            `json:"peer_port"`
	ClientProperties map[string]any `json:"client_properties"`
}

package httpapi

import (
	"os"
	"strconv"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/routing"
)

// noErlang stands where RabbitMQ tells its Erlang's version.
const noErlang = "none"

type overview struct {
	ManagementVersion string           `json:"management_version"`
	RatesMode         string           `json:"rates_mode"`
	ExchangeTypes     []exchangeType   `json:"exchange_types"`
	ProductVersion    string           `json:"product_version"`
	ProductName       string           `json:"product_name"`
	Version           string           `json:"rabbitmq_version"`
	StandIn           string           `json:"stand_in"` // RabbitMQ has no such field: who wants to know who answers really
	ClusterName       string           `json:"cluster_name"`
	Erlang            string           `json:"erlang_version"`
	ErlangFull        string           `json:"erlang_full_version"`
	DisableStats      bool             `json:"disable_stats"`
	EnableQueueTotals bool             `json:"enable_queue_totals"`
	DefaultQueueType  string           `json:"default_queue_type,omitempty"`
	MessageStats      struct{}         `json:"message_stats"`
	ChurnRates        struct{}         `json:"churn_rates"`
	QueueTotals       queueTotals      `json:"queue_totals"`
	ObjectTotals      objectTotals     `json:"object_totals"`
	Node              string           `json:"node"`
	Listeners         []listenerAnswer `json:"listeners"`
	Contexts          []struct{}       `json:"contexts"`
}

type exchangeType struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Enabled     bool   `json:"enabled"`
}

type queueTotals struct {
	Messages int `json:"messages"`
	Ready    int `json:"messages_ready"`
	Unacked  int `json:"messages_unacknowledged"`
}

type objectTotals struct {
	Channels    int `json:"channels"`
	Connections int `json:"connections"`
	Consumers   int `json:"consumers"`
	Exchanges   int `json:"exchanges"`
	Queues      int `json:"queues"`
}

type listenerAnswer struct {
	Node          string   `json:"node"`
	Protocol      string   `json:"protocol"`
	Address       string   `json:"ip_address"`
	Port          int      `json:"port"`
	SocketOptions struct{} `json:"socket_opts"`
}

// exchangeTypes are the kinds of exchange, with RabbitMQ's words for them.
var exchangeTypes = []exchangeType{
	{string(routing.Direct), "AMQP direct exchange, as per the AMQP specification", true},
	{string(routing.Fanout), "AMQP fanout exchange, as per the AMQP specification", true},
	{string(routing.Headers), "AMQP headers exchange, as per the AMQP specification", true},
	{string(routing.Topic), "AMQP topic exchange, as per the AMQP specification", true},
	{string(routing.ConsistentHash), "Consistent Hashing Exchange", true},
}

func (h *Handler) getOverview(r request) (any, error) {
	hosts, err := h.hosts(r)
	if err != nil {
		return nil, err
	}
	v := h.source.Version().String()
	o := overview{
		ManagementVersion: v, ProductVersion: v, Version: v, ProductName: "RabbitMQ", StandIn: "minirabbit", RatesMode: "none",
		ExchangeTypes: exchangeTypes, ClusterName: h.config.Node, Erlang: noErlang, ErlangFull: noErlang, Node: h.config.Node,
		Listeners: []listenerAnswer{}, Contexts: []struct{}{},
	}
	if h.source.Version().TellsQueueType() {
		o.DefaultQueueType = classic
	}
	for _, host := range hosts {
		c, ok := h.source.Counts(host)
		if !ok {
			continue // it was deleted meanwhile
		}
		o.QueueTotals.Ready += c.Ready
		o.QueueTotals.Unacked += c.Unacked
		o.QueueTotals.Messages += c.Ready + c.Unacked
		o.ObjectTotals.Channels += c.Channels
		o.ObjectTotals.Connections += c.Connections
		o.ObjectTotals.Consumers += c.Consumers
		o.ObjectTotals.Exchanges += c.Exchanges
		o.ObjectTotals.Queues += c.Queues
	}
	for _, l := range h.config.Listeners {
		o.Listeners = append(o.Listeners, listenerAnswer{h.config.Node, l.Protocol, l.Address, l.Port, struct{}{}})
	}
	return o, nil
}

func (h *Handler) getClusterName(request) (any, error) {
	return struct {
		Name string `json:"name"`
	}{h.config.Node}, nil
}

func (h *Handler) getVersion(request) (any, error) {
	if !h.source.Version().TellsVersion() {
		return nil, errNotFound
	}
	return h.source.Version().String(), nil
}

type node struct {
	Name          string         `json:"name"`
	Type          string         `json:"type"`
	Running       bool           `json:"running"`
	PID           string         `json:"os_pid"`
	MemoryAlarm   bool           `json:"mem_alarm"`
	DiskAlarm     bool           `json:"disk_free_alarm"`
	Uptime        int64          `json:"uptime"` // milliseconds
	RatesMode     string         `json:"rates_mode"`
	ExchangeTypes []exchangeType `json:"exchange_types"`
	Plugins       []string       `json:"enabled_plugins"`
	Partitions    []string       `json:"partitions"`
}

func (h *Handler) node(m Member) node {
	alarm := h.source.Alarm()
	return node{
		Name: m.Name, Type: "disc", Running: m.Running, PID: strconv.Itoa(os.Getpid()),
		MemoryAlarm: alarm == "memory", DiskAlarm: alarm == "disk",
		Uptime:    h.source.Now().Sub(h.config.Started).Milliseconds(),
		RatesMode: "none", ExchangeTypes: exchangeTypes, Partitions: []string{},
		Plugins: []string{"rabbitmq_consistent_hash_exchange", "rabbitmq_management"},
	}
}

func (h *Handler) getNodes(request) (any, error) {
	var all []node
	for _, m := range h.members() {
		all = append(all, h.node(m))
	}
	return all, nil
}

func (h *Handler) getNode(r request) (any, error) {
	for _, m := range h.members() {
		if m.Name == r.PathValue("node") {
			return h.node(m), nil
		}
	}
	return nil, errNotFound
}

type whoAmI struct {
	Name     string   `json:"name"`
	Tags     []string `json:"tags"`
	Internal *bool    `json:"is_internal_user,omitempty"`
}

func (h *Handler) getWhoAmI(r request) (any, error) {
	who := whoAmI{Name: r.user.Name, Tags: tagsOf(r.user)}
	if yes := true; h.source.Version().TellsVersion() {
		who.Internal = &yes
	}
	return who, nil
}

// tagsOf returns the tags of a user as a list that is never null in JSON.
func tagsOf(u broker.User) []string { return append([]string{}, u.Tags...) }

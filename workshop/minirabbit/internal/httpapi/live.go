package httpapi

// A liveAnswer is what the page shows: one virtual host at one moment.
type liveAnswer struct {
	Product     string             `json:"product"` // "minirabbit"
	Version     string             `json:"version"` // of the RabbitMQ that is imitated
	Node        string             `json:"node"`
	Time        int64              `json:"time"`  // of the broker's clock, in milliseconds since 1970
	Alarm       string             `json:"alarm"` // "memory", "disk" or ""
	Hosts       []liveHost         `json:"hosts"`
	Host        string             `json:"host"`
	Exchanges   []exchangeAnswer   `json:"exchanges"`
	Bindings    []liveBinding      `json:"bindings"` // without those of the default exchange
	Queues      []queueAnswer      `json:"queues"`
	Consumers   []liveConsumer     `json:"consumers"`
	Connections []connectionAnswer `json:"connections"`
	Channels    []channelAnswer    `json:"channels"`
}

// A liveHost is a virtual host to choose.
type liveHost struct {
	Name   string `json:"name"`
	Queues int    `json:"queues"`
}

type liveBinding struct {
	bindingAnswer
	Carried uint64 `json:"carried"` // messages that went its way
}

type liveConsumer struct {
	consumerAnswer
	Unacked int `json:"unacked"`
}

// getLive answers for one virtual host. RabbitMQ has no such path.
func (h *Handler) getLive(r request) (any, error) {
	hosts, err := h.snapshots(r)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 { // it was deleted meanwhile
		return nil, errNotFound
	}
	s := hosts[0]
	a := liveAnswer{
		Product: "minirabbit", Version: h.source.Version().String(), Node: h.config.Node,
		Time: h.source.Now().UnixMilli(), Alarm: h.source.Alarm(), Host: s.Name, Hosts: []liveHost{},
		Exchanges: exchanges(s), Bindings: []liveBinding{}, Queues: []queueAnswer{}, Consumers: []liveConsumer{},
		Channels: []channelAnswer{},
	}
	for _, name := range h.source.Hosts() {
		if c, ok := h.source.Counts(name); ok && h.sees(r.user, name) {
			a.Hosts = append(a.Hosts, liveHost{name, c.Queues})
		}
	}
	for i, b := range s.Bindings {
		a.Bindings = append(a.Bindings, liveBinding{bindingOf(s.Name, b), s.Carried[i]})
	}
	for _, q := range s.Queues {
		a.Queues = append(a.Queues, h.queueOf(s.Name, q))
	}
	for i, c := range h.consumers(s) {
		if r.maySee(c.Channel.User) {
			a.Consumers = append(a.Consumers, liveConsumer{c, s.Consumers[i].Unacked})
		}
	}
	for _, c := range s.Channels {
		if r.maySee(c.User) {
			a.Channels = append(a.Channels, h.channelOf(s.Name, c))
		}
	}
	a.Connections, err = h.connections(r)
	return a, err
}

package httpapi

import (
	"encoding/json"
	"slices"

	"warren.example/workshop/minirabbit/internal/broker"
)

// A hostAnswer is a virtual host.
type hostAnswer struct {
	Name             string            `json:"name"`
	Description      string            `json:"description"`
	Tags             []string          `json:"tags"`
	DefaultQueueType string            `json:"default_queue_type"`
	Metadata         hostMetadata      `json:"metadata"`
	Tracing          bool              `json:"tracing"`
	ClusterState     map[string]string `json:"cluster_state"`
	queueTotals
}

type hostMetadata struct {
	Description      string   `json:"description"`
	Tags             []string `json:"tags"`
	DefaultQueueType string   `json:"default_queue_type,omitempty"`
}

func (h *Handler) host(name string) hostAnswer {
	a := hostAnswer{
		Name: name, Tags: []string{}, DefaultQueueType: "undefined",
		ClusterState: map[string]string{h.config.Node: "running"},
	}
	if name == "/" {
		a.Description = "Default virtual host"
	}
	a.Metadata = hostMetadata{Description: a.Description, Tags: a.Tags}
	if h.source.Version().TellsQueueType() {
		a.DefaultQueueType, a.Metadata.DefaultQueueType = classic, classic
	}
	if c, ok := h.source.Counts(name); ok {
		a.queueTotals = queueTotals{c.Ready + c.Unacked, c.Ready, c.Unacked}
	}
	return a
}

func (h *Handler) getHosts(r request) (any, error) {
	names, err := h.hosts(r)
	if err != nil {
		return nil, err
	}
	all := []hostAnswer{}
	for _, name := range names {
		all = append(all, h.host(name))
	}
	return all, nil
}

func (h *Handler) getHost(r request) (any, error) {
	if err := h.knows(r.PathValue("vhost")); err != nil {
		return nil, err
	}
	return h.host(r.PathValue("vhost")), nil
}

// knows returns an error unless there is such a virtual host.
func (h *Handler) knows(host string) error {
	if !slices.Contains(h.source.Hosts(), host) {
		return errNotFound
	}
	return nil
}

// putHost makes a virtual host. Its maker gets all permissions in it, as with RabbitMQ. What would make it behave in another
// way than usual is refused; a description and tags are taken and forgotten.
func (h *Handler) putHost(r request) (any, error) {
	var wanted struct {
		DefaultQueueType string          `json:"default_queue_type"`
		Tracing          json.RawMessage `json:"tracing"` // true, or "true"
	}
	if err := r.read(&wanted); err != nil {
		return nil, err
	}
	if t := wanted.DefaultQueueType; t != "" && t != classic && t != "undefined" {
		return nil, missing("virtual hosts with a default queue type")
	}
	if t := string(wanted.Tracing); t == "true" || t == `"true"` {
		return nil, missing("tracing")
	}
	name := r.PathValue("vhost")
	if h.knows(name) == nil {
		return nil, nil
	}
	h.source.PutHost(name)
	all := broker.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	if err := h.source.PutPermissions(name, r.user.Name, all); err != nil {
		return nil, err
	}
	return created{}, nil
}

func (h *Handler) deleteHost(r request) (any, error) {
	if !h.source.DeleteHost(r.PathValue("vhost")) {
		return nil, errNotFound
	}
	return nil, nil
}

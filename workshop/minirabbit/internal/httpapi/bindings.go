package httpapi

import (
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/minirabbit/internal/vhost"
)

// A bindingAnswer is a binding.
type bindingAnswer struct {
	Source          string         `json:"source"`
	Host            string         `json:"vhost"`
	Destination     string         `json:"destination"`
	DestinationType string         `json:"destination_type"`
	Key             string         `json:"routing_key"`
	Arguments       map[string]any `json:"arguments"`
	PropertiesKey   string         `json:"properties_key"`
}

func bindingOf(host string, b routing.Binding) bindingAnswer {
	kind := "queue"
	if b.ToExchange {
		kind = "exchange"
	}
	return bindingAnswer{b.Source, host, b.Destination, kind, b.Key, object(b.Arguments), b.PropertiesKey()}
}

// bindings returns a virtual host's bindings, those of the default exchange first: one to each queue, by its name.
func bindings(s vhost.Snapshot) []bindingAnswer {
	var all []bindingAnswer
	for _, q := range s.Queues {
		all = append(all, bindingOf(s.Name, routing.Binding{Destination: q.Name, Key: q.Name}))
	}
	for _, b := range s.Bindings {
		all = append(all, bindingOf(s.Name, b))
	}
	return all
}

func (h *Handler) getBindings(r request) (any, error) { return list(h, r, bindings) }

func (h *Handler) getBindingsFrom(r request) (any, error) {
	if _, err := h.getExchange(r); err != nil {
		return nil, err
	}
	name := exchangeName(r)
	return h.bindingsWith(r, func(b bindingAnswer) bool { return b.Source == name })
}

func (h *Handler) getBindingsToExchange(r request) (any, error) {
	if _, err := h.getExchange(r); err != nil {
		return nil, err
	}
	name := exchangeName(r)
	return h.bindingsWith(r, func(b bindingAnswer) bool { return b.DestinationType == "exchange" && b.Destination == name })
}

func (h *Handler) getBindingsToQueue(r request) (any, error) {
	if _, err := h.getQueue(r); err != nil {
		return nil, err
	}
	name := r.PathValue("queue")
	return h.bindingsWith(r, func(b bindingAnswer) bool { return b.DestinationType == "queue" && b.Destination == name })
}

func (h *Handler) bindingsWith(r request, wanted func(bindingAnswer) bool) (any, error) {
	return list(h, r, func(s vhost.Snapshot) []bindingAnswer {
		var all []bindingAnswer
		for _, b := range bindings(s) {
			if wanted(b) {
				all = append(all, b)
			}
		}
		return all
	})
}

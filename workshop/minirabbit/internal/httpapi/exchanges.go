package httpapi

import "warren.example/workshop/minirabbit/internal/vhost"

// defaultExchange is how paths name the exchange that has no name.
const defaultExchange = "amq.default"

// An exchangeAnswer is an exchange.
type exchangeAnswer struct {
	Name       string          `json:"name"`
	Host       string          `json:"vhost"`
	Type       string          `json:"type"`
	Durable    bool            `json:"durable"`
	AutoDelete bool            `json:"auto_delete"`
	Internal   bool            `json:"internal"`
	Arguments  map[string]any  `json:"arguments"`
	Stats      exchangeTraffic `json:"message_stats"`
}

type exchangeTraffic struct {
	In  uint64 `json:"publish_in"`
	Out uint64 `json:"publish_out"`
}

func exchangeOf(host string, x vhost.ExchangeView) exchangeAnswer {
	return exchangeAnswer{
		Name: x.Name, Host: host, Type: string(x.Kind), Durable: x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal,
		Arguments: object(x.Arguments), Stats: exchangeTraffic{x.PublishedIn, x.PublishedOut},
	}
}

// snapshots returns the virtual hosts that a request is about.
func (h *Handler) snapshots(r request) ([]vhost.Snapshot, error) {
	names, err := h.hosts(r)
	if err != nil {
		return nil, err
	}
	var all []vhost.Snapshot
	for _, name := range names {
		if s, ok := h.source.Snapshot(name); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

// list collects what pick finds in the virtual hosts that a request is about.
func list[T any](h *Handler, r request, pick func(vhost.Snapshot) []T) (any, error) {
	hosts, err := h.snapshots(r)
	if err != nil {
		return nil, err
	}
	all := []T{}
	for _, s := range hosts {
		all = append(all, pick(s)...)
	}
	return all, nil
}

// one is list for a path that names one thing: the first that pick finds.
func one[T any](h *Handler, r request, pick func(vhost.Snapshot) []T) (any, error) {
	found, err := list(h, r, pick)
	if err != nil {
		return nil, err
	}
	if all := found.([]T); len(all) > 0 {
		return all[0], nil
	}
	return nil, errNotFound
}

func exchanges(s vhost.Snapshot) []exchangeAnswer {
	var all []exchangeAnswer
	for _, x := range s.Exchanges {
		all = append(all, exchangeOf(s.Name, x))
	}
	return all
}

func (h *Handler) getExchanges(r request) (any, error) { return list(h, r, exchanges) }

func (h *Handler) getExchange(r request) (any, error) {
	name := exchangeName(r)
	return one(h, r, func(s vhost.Snapshot) []exchangeAnswer {
		for _, x := range s.Exchanges {
			if x.Name == name {
				return []exchangeAnswer{exchangeOf(s.Name, x)}
			}
		}
		return nil
	})
}

// exchangeName returns the exchange in a request's path.
func exchangeName(r request) string {
	if name := r.PathValue("exchange"); name != defaultExchange {
		return name
	}
	return ""
}

package httpapi

import "warren.example/workshop/minirabbit/internal/vhost"

// A channelAnswer is a channel.
type channelAnswer struct {
	Name        string         `json:"name"`
	Number      uint16         `json:"number"`
	Host        string         `json:"vhost"`
	User        string         `json:"user"`
	Node        string         `json:"node"`
	State       string         `json:"state"`
	Connection  ownerAnswer    `json:"connection_details"`
	Confirm     bool           `json:"confirm"`
	Transaction bool           `json:"transactional"`
	Prefetch    int            `json:"prefetch_count"`
	GlobalLimit int            `json:"global_prefetch_count"`
	Consumers   int            `json:"consumer_count"`
	Unacked     int            `json:"messages_unacknowledged"`
	Unconfirmed int            `json:"messages_unconfirmed"`
	Stats       channelTraffic `json:"message_stats"`
}

// channelTraffic counts since the channel was opened.
type channelTraffic struct {
	Published   uint64 `json:"publish"`
	Confirmed   uint64 `json:"confirm"`
	Returned    uint64 `json:"return_unroutable"`
	Delivered   uint64 `json:"deliver_get"`
	Redelivered uint64 `json:"redeliver"`
	Acked       uint64 `json:"ack"`
}

func (h *Handler) channelOf(host string, c vhost.ChannelView) channelAnswer {
	e := endsOf(c.Connection)
	return channelAnswer{
		Name: channelName(c.Connection, c.Number), Number: c.Number, Host: host, User: c.User, Node: h.config.Node,
		State: "running", Connection: ownerAnswer{c.Connection, e.peerHost, e.peerPort},
		Confirm: c.Confirm, Prefetch: c.Prefetch, GlobalLimit: c.GlobalLimit, Consumers: c.Consumers,
		Unacked: c.Unacked, Unconfirmed: c.Unconfirmed,
		Stats: channelTraffic{c.Published, c.Confirmed, c.Returned, c.Delivered, c.Redelivered, c.Acked},
	}
}

// channels returns the channels that a request is about, its user sees (see maySee) and wanted picks.
func (h *Handler) channels(r request, wanted func(vhost.ChannelView) bool) (any, error) {
	return list(h, r, func(s vhost.Snapshot) []channelAnswer {
		var all []channelAnswer
		for _, c := range s.Channels {
			if r.maySee(c.User) && wanted(c) {
				all = append(all, h.channelOf(s.Name, c))
			}
		}
		return all
	})
}

func (h *Handler) getChannels(r request) (any, error) {
	return h.channels(r, func(vhost.ChannelView) bool { return true })
}

func (h *Handler) getChannel(r request) (any, error) {
	found, err := h.channels(r, func(c vhost.ChannelView) bool {
		return channelName(c.Connection, c.Number) == r.PathValue("channel")
	})
	if err != nil {
		return nil, err
	}
	if all := found.([]channelAnswer); len(all) > 0 {
		return all[0], nil
	}
	return nil, errNotFound
}

package httpapi

import (
	"cmp"
	"reflect"

	"warren.example/workshop/minirabbit/internal/vhost"
)

// The kinds of queue, as a snapshot names them.
const (
	classic = "classic"
	quorum  = "quorum"
	stream  = "stream"
)

// A queueAnswer is a queue.
type queueAnswer struct {
	Name         string         `json:"name"`
	Host         string         `json:"vhost"`
	Type         string         `json:"type"`
	Durable      bool           `json:"durable"`
	AutoDelete   bool           `json:"auto_delete"`
	Exclusive    bool           `json:"exclusive"`
	Owner        *ownerAnswer   `json:"owner_pid_details,omitempty"` // of an exclusive queue
	Arguments    map[string]any `json:"arguments"`
	Policy       any            `json:"policy"` // always null: there are no policies
	Node         string         `json:"node"`
	State        string         `json:"state"`
	Leader       string         `json:"leader,omitempty"` // with Members and Online: quorum queues and streams
	Members      []string       `json:"members,omitempty"`
	Online       []string       `json:"online,omitempty"`
	Consumers    int            `json:"consumers"`
	SingleActive *string        `json:"single_active_consumer_tag"`
	Bytes        int64          `json:"message_bytes"`
	Stats        queueTraffic   `json:"message_stats"`
	queueTotals

	// Details are there when one queue is asked for.
	Details *[]consumerAnswer `json:"consumer_details,omitempty"`
}

type ownerAnswer struct {
	Name     string `json:"name"`
	PeerHost string `json:"peer_host"`
	PeerPort int    `json:"peer_port"`
}

// queueTraffic counts since the queue was declared. Deliveries of every kind count together.
type queueTraffic struct {
	Published   uint64 `json:"publish"`
	Delivered   uint64 `json:"deliver_get"`
	Redelivered uint64 `json:"redeliver"`
	Acked       uint64 `json:"ack"`
}

func (h *Handler) queueOf(host string, q vhost.QueueView) queueAnswer {
	a := queueAnswer{
		Name: q.Name, Host: host, Type: q.Kind, Durable: q.Durable, AutoDelete: q.AutoDelete, Exclusive: q.Exclusive,
		Arguments: object(q.Arguments), Node: cmp.Or(q.Node, h.config.Node), State: "running", Consumers: q.Consumers, Bytes: q.Bytes,
		Stats:       queueTraffic{q.Published, q.Delivered, q.Redelivered, q.Acked},
		queueTotals: queueTotals{q.Ready + q.Unacked, q.Ready, q.Unacked},
	}
	if q.Kind == quorum || q.Kind == stream {
		a.Leader = a.Node
		a.Members, a.Online = h.replicas(a.Leader, a.Arguments)
	}
	if h.source.Version().TellsQueueType() {
		a.Arguments["x-queue-type"] = q.Kind
	}
	if q.SingleActive != "" {
		a.SingleActive = &q.SingleActive
	}
	if q.Exclusive {
		end := endsOf(q.Owner)
		a.Owner = &ownerAnswer{q.Owner, end.peerHost, end.peerPort}
	}
	return a
}

// replicas are the nodes that have a copy of a queue, and those of them that run: the leader, and as many others as were asked
// for, or all.
func (h *Handler) replicas(leader string, arguments map[string]any) (members, online []string) {
	nodes := h.members()
	others := len(nodes) - 1
	for _, name := range []string{"x-quorum-initial-group-size", "x-initial-cluster-size"} {
		if asked := reflect.ValueOf(arguments[name]); asked.CanInt() {
			others = min(others, int(asked.Int())-1)
		}
	}
	for _, n := range nodes {
		if n.Name != leader {
			if others <= 0 {
				continue
			}
			others--
		}
		members = append(members, n.Name)
		if n.Running {
			online = append(online, n.Name)
		}
	}
	return members, online
}

func (h *Handler) getQueues(r request) (any, error) {
	return list(h, r, func(s vhost.Snapshot) []queueAnswer {
		var all []queueAnswer
		for _, q := range s.Queues {
			all = append(all, h.queueOf(s.Name, q))
		}
		return all
	})
}

func (h *Handler) getQueue(r request) (any, error) {
	return one(h, r, func(s vhost.Snapshot) []queueAnswer {
		for _, q := range s.Queues {
			if q.Name != r.PathValue("queue") {
				continue
			}
			details := []consumerAnswer{}
			for _, c := range h.consumers(s) {
				if c.Queue.Name == q.Name {
					details = append(details, c)
				}
			}
			a := h.queueOf(s.Name, q)
			a.Details = &details
			return []queueAnswer{a}
		}
		return nil
	})
}

package vhost

import (
	"warren.example/workshop/minirabbit/internal/routing"
	"warren.example/workshop/wire"
)

// Snapshot is the host at one moment, for the management API and the page. Everything is sorted by name. It shares nothing
// with the host.
type Snapshot struct {
	Name      string
	Exchanges []ExchangeView
	Queues    []QueueView
	Bindings  []routing.Binding // without those of the default exchange
	Carried   []uint64          // by each of them: messages that went its way
	Consumers []ConsumerView
	Channels  []ChannelView
}

// ExchangeView is an exchange and what went through it.
type ExchangeView struct {
	routing.Exchange
	PublishedIn  uint64 // messages that came in, from clients and from dead-lettering
	PublishedOut uint64 // copies that went on into queues
}

// QueueView is a queue with its counts.
type QueueView struct {
	Name       string
	Kind       string // "classic", "quorum", "stream"
	Node       string // where its leader is; empty: there is but one node
	Durable    bool
	AutoDelete bool
	Exclusive  bool
	Owner      string // name of the connection that owns an exclusive queue
	Arguments  wire.Table
	Ready      int
	Unacked    int
	Bytes      int64 // of the bodies of all messages
	Consumers  int
	// SingleActive is the tag of the single active consumer; empty if there is none.
	SingleActive string

	Published, Delivered, Redelivered, Acked uint64 // since the queue was declared or the broker started
}

// ConsumerView is a consumer.
type ConsumerView struct {
	Tag        string
	Queue      string
	Connection string
	Channel    uint16
	NoAck      bool
	Exclusive  bool
	Active     bool // it gets messages: false for those that wait behind a single active consumer
	Prefetch   int  // 0: no limit
	Arguments  wire.Table
	Unacked    int
}

// ChannelView is a channel.
type ChannelView struct {
	Connection  string
	User        string
	Number      uint16
	Confirm     bool
	Prefetch    int // for consumers to come; 0: no limit
	GlobalLimit int // for the whole channel; 0: no limit
	Consumers   int
	Unacked     int
	Unconfirmed int

	Published, Confirmed, Refused, Returned, Delivered, Redelivered, Acked uint64
}

// Counts is the size of the host: enough for an overview, and cheaper than a Snapshot.
type Counts struct {
	Exchanges, Queues, Bindings, Consumers, Connections, Channels int
	Ready, Unacked                                                int
}

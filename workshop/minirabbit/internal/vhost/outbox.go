package vhost

import (
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/wire"
)

// Outbox takes what a channel has to say to its client. The protocol implements it, one for each channel or connection.
// Both methods are called with the host's lock held: they must not block and must not call the host.
type Outbox interface {
	// Send queues m for the client, behind all that was sent before on the connection. The content belongs to
	// basic.deliver, basic.get-ok and basic.return, and is nil for all others. Neither m nor content is changed afterwards.
	Send(m wire.Method, content *message.Message)
	// HasRoom returns false while the client reads too slowly. Consumers of the connection get nothing then. The protocol
	// calls Conn.Resume when there is room again.
	HasRoom() bool
}

package protocol

import (
	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

// serverProperties are those of connection.start: what RabbitMQ says, in its order, and one thing more, "minirabbit", that
// says who speaks.
func serverProperties(v version.Version) wire.Table {
	var capabilities wire.Table
	for _, name := range []string{
		"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
		"consumer_priorities", "authentication_failure_close", "per_consumer_qos", "direct_reply_to",
	} {
		capabilities = append(capabilities, wire.Field{Name: name, Value: wire.Bool(true)})
	}
	text := func(name, value string) wire.Field { return wire.Field{Name: name, Value: wire.String(value)} }
	return wire.Table{
		{Name: "capabilities", Value: capabilities},
		text("cluster_name", "rabbit@localhost"),
		text("copyright", "minirabbit imitates RabbitMQ, which is Broadcom's"),
		text("information", "No RabbitMQ: a stand-in for tests. Website: https://rabbitmq.com"),
		text("minirabbit", "imitates RabbitMQ "+v.String()),
		text("platform", "Go"),
		text("product", "RabbitMQ"),
		text("version", v.String()),
	}
}

// Package routing answers one question: which queues does a message go to? It holds the exchanges of one virtual host and
// the bindings between them and the queues, and follows both as RabbitMQ does: direct, fanout, topic, headers and
// consistent-hash exchanges, the default exchange, bindings from exchange to exchange, alternate exchanges, CC and BCC.
//
// It does not hold messages, check permissions or write AMQP errors; it has no lock, no clock and starts nothing. Whoever
// owns a Graph lets one goroutine at a time use it, for Route too.
//
//	publish ──> exchange ──binding──> queue
//	               │  └────binding──> exchange ──binding──> queue
//	               └─ nothing matched: alternate exchange ──binding──> queue
//
// Sources, named in the comments below: "e2e" is rabbitmq.com/docs/e2e, "ae" is rabbitmq.com/docs/ae, "sender-selected" is
// rabbitmq.com/docs/sender-selected, "exchanges" is rabbitmq.com/docs/exchanges. Where no page says it, the behaviour was
// seen on RabbitMQ 3.10.8 and 4.0.5.
package routing

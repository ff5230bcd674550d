// Package minirabbit is a message broker in the test process that behaves as RabbitMQ does: a client of AMQP 0-9-1 can't tell
// it from the real one, as far as it goes. It needs nothing installed, starts in milliseconds, and does on command what is
// hard to get out of a real broker: die, stop, hang, run out of memory, let half an hour pass.
//
//	func TestOrders(t *testing.T) {
//		broker := minirabbit.Run(t)
//		connection, err := amqp.Dial(broker.URL())
//		…
//		broker.Kill()    // now your code has to reconnect
//		broker.Restart() // and finds what RabbitMQ would have kept
//	}
//
// # What it does
//
//   - AMQP 0-9-1 with RabbitMQ's extensions, errors and texts: handshake, TLS, heartbeats, virtual hosts, users and
//     permissions, connection.blocked.
//   - Exchanges: direct, fanout, topic, headers, consistent hash; alternate exchanges, bindings between exchanges, CC and BCC.
//   - Queues: classic, quorum (delivery limit) and stream (offsets, filters); exclusive, auto-delete, expiring, limited;
//     single active consumer; dead-lettering; time to live.
//   - Publisher confirms, returns, prefetch, acks, direct reply-to.
//   - A restart keeps what RabbitMQ would keep; WithFolder keeps it on disk, for other processes too.
//   - RabbitMQ 4.0 by default, or 3.10 or 4.3 where they differ: WithVersion.
//   - A hostile mode, legal but unpleasant: WithHostility.
//   - The part of the management API that tests and tools need: WithManagement.
//
// # What it does not do
//
// A method that asks for one of these is answered with 540 NOT_IMPLEMENTED, or with what RabbitMQ says without the plugin:
//
//   - clusters with classic queues: StartCluster says what there is
//   - transactions (tx.select)
//   - priorities of messages (x-max-priority)
//   - exchanges of type x-local-random
//   - policies, operator policies, limits per virtual host and per user
//   - federation, shovels, tracing, delayed message exchange
//   - AMQP 1.0, MQTT, STOMP, the stream protocol; streams work by AMQP 0-9-1
//   - logging in by client certificate, LDAP or OAuth
//
// In a stream each message is a chunk of its own: "last" is the last message, and filters are exact. A consumer that has to
// work with RabbitMQ must bear to get more.
//
// It is not for production: it keeps all messages in memory, and one process is all there is.
//
// Everything but the public package is below internal. Of the project that it comes from, it imports only package wire.
package minirabbit

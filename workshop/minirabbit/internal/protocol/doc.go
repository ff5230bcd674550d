// Package protocol is a client's connection to the broker: the protocol header, logging in, tuning, frames, contents,
// heartbeats and errors, exact to RabbitMQ in what it answers to what. Exchanges, queues and users are not its business: it
// turns bytes into calls of packages broker and vhost, and their answers into bytes.
//
//	            ┌─────────────── connection ────────────────┐
//	            │  reader goroutine          vhost.Host     │
//	socket ────►│  input ─► assembler ─► Channel.Handle,    │
//	            │             ▲             Publish         │
//	            │   notices ──┘                 │ Send      │
//	            │   (close, alarm, wake)        ▼           │
//	socket ◄────│  writer goroutine  ◄──────  outbox        │
//	            └───────────────────────────────────────────┘
//
// The reader owns the state of the connection. Whoever else wants something of it, an operator, an alarm, a timer, leaves a
// notice and wakes the reader; nobody waits for it. The outbox takes what hosts send, from any goroutine and without ever
// blocking; the writer turns it into bytes, many methods to one write.
//
// What RabbitMQ does was read in rabbit_reader, rabbit_command_assembler, rabbit_heartbeat and rabbit_channel (3.10.8, 4.0.5,
// 4.3.5), and looked at with raw sockets on 3.10.8 and 4.0.5. These things differ:
//
//   - RabbitMQ makes a client it distrusts (a wrong password, a broken handshake) wait three seconds before it cuts the
//     connection. That is left out, as what a client sees is the same.
//   - A protocol header that it does not speak is answered with AMQP 0-9-1 by all versions. RabbitMQ since 4.0 answers with
//     AMQP 1.0, which is not spoken here.
//   - Memory is bounded. A connection that sends bodies on so many channels at once that they exceed maxOpenContent is closed
//     with 506, and one that does not read its answers is not read from.
//   - Tables nested deeper than wire.MaxDepth and bools that are neither 0 nor 1 are refused.
//   - Properties that can't be decoded get their 541 before RabbitMQ has looked whether the exchange is there.
//   - basic.credit is 503 in all versions; 3.10 still knows it.
//   - In a text about a frame, bytes above 127 that are no UTF-8 are always numbers.
//
// Heartbeats and the timeout of the handshake go by real time, not by the broker's clock: a test that moves the clock by
// half an hour does not want to lose its connections.
package protocol

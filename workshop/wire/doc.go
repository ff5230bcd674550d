// Package wire turns the bytes of AMQP 0-9-1 into Go values and back: protocol headers, frames, methods, content headers
// and field tables, with RabbitMQ's extensions. It opens no connection, reads no clock, writes no log and knows no rules
// of conversation (what may follow what): that is for its users.
//
// What it decodes, it encodes to the same bytes again. Input for which that is impossible is refused.
//
// Sources, named in the comments below: "AMQP 0-9-1" with a section number is the specification (amqp0-9-1.pdf),
// "errata" is RabbitMQ's page "AMQP 0-9-1 Errata" (rabbitmq.com/amqp-0-9-1-errata.html).
package wire

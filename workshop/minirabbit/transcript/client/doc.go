// Package client is a raw AMQP client for the transcript suite: it sends whatever it is told to, also what no client
// should send, and keeps all that comes, per channel and in order, until it is taken.
//
// It does nothing of its own accord but to count heartbeats and drop them. It sends none, and answers nothing: neither
// channel.close nor connection.close.
package client

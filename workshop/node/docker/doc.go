// Package docker runs RabbitMQ nodes in containers. It is the light half: it asks the docker command whether an engine and
// an image are there, builds a second program (folder containers) when they are, and talks to it. Only that program
// imports testcontainers-go, so that the workshop's own command stays small. See docs/decisions/0001-a-light-command.md.
//
//	Driver ──▶ child process "containers" ──▶ Docker engine ──▶ RabbitMQ
//	       JSON-RPC on stdin, stdout       testcontainers-go
//
// The child removes its containers when its standard input closes, that is also when the parent was killed. When the child
// itself was killed, the next one removes what it left.
package docker

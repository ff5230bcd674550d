// Command containers runs RabbitMQ in containers for its parent process, package docker. It serves JSON-RPC on standard
// input and output, and removes all its containers when standard input closes. It is no program to be started by hand.
package main

import (
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"syscall"

	"warren.example/workshop/node/docker"
)

func main() {
	// Ctrl-C reaches the whole process group. The parent decides when to end: by closing standard input.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "containers:", err)
		os.Exit(1)
	}
}

func run(stdin io.ReadCloser, stdout io.WriteCloser) error {
	service, err := newService()
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.RegisterName(docker.Service, service); err != nil {
		return err
	}
	server.ServeCodec(jsonrpc.NewServerCodec(connection{stdin, stdout})) // until standard input closes
	return service.close()
}

// connection joins standard input and output.
type connection struct {
	io.ReadCloser
	out io.WriteCloser
}

func (c connection) Write(b []byte) (int, error) { return c.out.Write(b) }

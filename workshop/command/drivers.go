package command

import (
	"context"

	"warren.example/workshop/node"
	"warren.example/workshop/node/docker"
	"warren.example/workshop/node/native"
)

// A way is one way to get a real RabbitMQ on this machine.
type way struct {
	name string // as in `up --with`
	open func(ctx context.Context, progress func(string)) (node.Driver, error)
}

// ways are tried in this order: a container is the same RabbitMQ everywhere.
var ways = []way{
	{"docker", func(ctx context.Context, progress func(string)) (node.Driver, error) {
		return docker.New(ctx, docker.Config{Progress: progress})
	}},
	{"native", func(context.Context, func(string)) (node.Driver, error) {
		return native.New(native.Config{})
	}},
}

// waysNamed returns the way with a name, all for "". The error is about how it was typed.
func waysNamed(name string) ([]way, error) {
	if name == "" {
		return ways, nil
	}
	for _, w := range ways {
		if w.name == name {
			return []way{w}, nil
		}
	}
	return nil, usagef("--with %s: use docker or native", name)
}

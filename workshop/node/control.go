package node

import (
	"context"

	"warren.example/workshop/broker"
)

// Status asks the supervisor of this project how it is. The error is broker.ErrNone when none runs.
func Status(ctx context.Context) (broker.Status, error) {
	remote, err := broker.Up(ctx)
	if err != nil {
		return broker.Status{}, err
	}
	defer remote.Close()
	return remote.Status(ctx)
}

// Stop ends the supervisor of this project and returns when all its nodes have ended. The error is broker.ErrNone when
// none runs.
func Stop(ctx context.Context) error {
	remote, err := broker.Up(ctx)
	if err != nil {
		return err
	}
	defer remote.Close()
	return remote.Stop(ctx)
}

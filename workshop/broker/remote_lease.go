package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// remoteLease is a lease that lives as long as the answer to the request that asked for it.
type remoteLease struct {
	remote   *Remote
	id       string
	nodes    []Node
	body     io.ReadCloser // the answer, still open; nil before it begins
	end      context.CancelFunc
	released atomic.Bool
}

// begin waits until the lease is granted.
func (l *remoteLease) begin(ctx context.Context, request []byte) error {
	response, err := l.remote.send(ctx, http.MethodPost, "/leases", request)
	if err != nil {
		return err
	}
	l.body = response.Body
	line, err := bufio.NewReader(response.Body).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the grant: %w", err)
	}
	var grant Grant
	if err := json.Unmarshal(line, &grant); err != nil {
		return fmt.Errorf("read the grant: %w", err)
	}
	l.id = grant.ID
	for i, info := range grant.Nodes {
		l.nodes = append(l.nodes, remoteNode{lease: l, index: i, info: info})
	}
	return nil
}

func (l *remoteLease) Nodes() []Node { return l.nodes }

func (l *remoteLease) Release() error {
	if l.released.Swap(true) {
		return nil
	}
	l.remote.forget(l)
	l.hangUp()
	return nil
}

// hangUp ends the connection, and the supervisor takes the broker back.
func (l *remoteLease) hangUp() {
	l.end()
	if l.body != nil {
		l.body.Close()
	}
}

// remoteNode asks the supervisor to do what is to be done.
type remoteNode struct {
	lease *remoteLease
	index int
	info  Info
}

func (n remoteNode) Info() Info                       { return n.info }
func (n remoteNode) Kill(ctx context.Context) error   { return n.do(ctx, "kill") }
func (n remoteNode) Stop(ctx context.Context) error   { return n.do(ctx, "stop") }
func (n remoteNode) Start(ctx context.Context) error  { return n.do(ctx, "start") }
func (n remoteNode) Pause(ctx context.Context) error  { return n.do(ctx, "pause") }
func (n remoteNode) Resume(ctx context.Context) error { return n.do(ctx, "resume") }

func (n remoteNode) Alarm(ctx context.Context, on bool) error {
	return n.do(ctx, fmt.Sprintf("alarm?on=%t", on))
}

func (n remoteNode) Advance(ctx context.Context, d time.Duration) error {
	return n.do(ctx, "advance?by="+d.String())
}

func (n remoteNode) do(ctx context.Context, action string) error {
	if n.lease.released.Load() {
		return ErrClosed
	}
	return n.lease.remote.do(ctx, fmt.Sprintf("/leases/%s/nodes/%d/%s", n.lease.id, n.index, action))
}

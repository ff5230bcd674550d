package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/mini"
	"warren.example/workshop/node"
)

// A tapTarget is the broker that a tap stands in front of. It has answered.
type tapTarget struct {
	amqp       *url.URL // with a port
	management string   // which a program can't guess from the tap's address
	close      func() error
}

// findTarget returns the broker that an AMQP URL names, or, for "", the one that is up. Where none is, it starts a minirabbit
// in this process, which ends when the target is closed.
func (c *console) findTarget(ctx context.Context, address string) (tapTarget, error) {
	nothing := func() error { return nil }
	if address == "" {
		found, err := broker.URL(ctx)
		if errors.Is(err, broker.ErrNone) {
			return c.standIn(ctx)
		}
		if err != nil {
			return tapTarget{}, err
		}
		address = found
	} else if _, err := broker.Probe(ctx, address); err != nil {
		return tapTarget{}, fmt.Errorf("--target: %w", err)
	}
	target, err := parseTarget(address)
	if err != nil {
		return tapTarget{}, err
	}
	return tapTarget{amqp: target, management: managementOf(ctx, target), close: nothing}, nil
}

// standIn starts a minirabbit, unless the environment forbids it, and says so.
func (c *console) standIn(ctx context.Context) (tapTarget, error) {
	source, err := mini.Find(ctx)
	if err != nil {
		return tapTarget{}, err
	}
	lease, err := source.Lease(ctx, broker.Request{For: "workshop tap"})
	if err != nil {
		return tapTarget{}, errors.Join(err, source.Close())
	}
	info := lease.Nodes()[0].Info()
	target, err := parseTarget(info.AMQP)
	if err != nil {
		return tapTarget{}, errors.Join(err, source.Close())
	}
	c.remark(fmt.Sprintf("No broker is up: %s, for as long as this runs. To keep one: %s", source.Name(), goRun("up --mini")))
	return tapTarget{amqp: target, management: info.Management, close: source.Close}, nil
}

// parseTarget reads an AMQP URL and adds the port that it leaves out.
func parseTarget(address string) (*url.URL, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the broker's address is not a URL") // the error would show the password
	}
	if target.Scheme != "amqp" {
		return nil, fmt.Errorf("the tap reads plain AMQP, not %s: what TLS hides can't be drawn", target.Scheme)
	}
	if target.Port() == "" {
		target.Host = net.JoinHostPort(target.Hostname(), "5672")
	}
	return target, nil
}

// managementOf returns the management API of the broker behind a tap.
func managementOf(ctx context.Context, target *url.URL) string {
	if address := os.Getenv(broker.EnvManagement); address != "" {
		return address
	}
	if status, err := node.Status(ctx); err == nil {
		for _, n := range status.Nodes {
			if at, err := url.Parse(n.AMQP); err == nil && at.Host == target.Host {
				return n.Management
			}
		}
	}
	usual := url.URL{Scheme: "http", User: target.User, Host: net.JoinHostPort(target.Hostname(), "15672")}
	return usual.String()
}

package main

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"warren.example/workshop/tap"
)

// distant returns an address at which the broker is farther away: a tap delays all that passes, in each direction. Who asks
// for no distance gets the address as it was. Close it in the end.
func distant(address string, away time.Duration) (farther string, close func(), err error) {
	if away == 0 {
		return address, func() {}, nil
	}
	target, err := url.Parse(address)
	if err != nil {
		return "", nil, fmt.Errorf("address of the broker: %w", err)
	}
	if target.Scheme != "amqp" {
		return "", nil, fmt.Errorf("-away: can't delay %s, only amqp", target.Scheme)
	}
	if target.Port() == "" {
		target.Host = net.JoinHostPort(target.Hostname(), "5672")
	}
	line, err := tap.Start(tap.Config{Target: target.Host, BodyLimit: -1, EventLimit: 1})
	if err != nil {
		return "", nil, fmt.Errorf("-away: %w", err)
	}
	line.Add(tap.Delay{By: away})
	target.Host = line.Addr()
	return target.String(), func() { _ = line.Close() }, nil // it only forwards: nothing is lost with it
}

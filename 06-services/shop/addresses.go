package shop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"warren.example/06-services/config"
	"warren.example/06-services/discovery"
	"warren.example/06-services/service"
)

// addresses say where a service listens, and is found.
type addresses struct{ http, grpc string }

// anyPort is where services of one process listen.
var anyPort = addresses{"127.0.0.1:0", "127.0.0.1:0"}

// book reads the setting SHOP_ADDRESSES: "127.0.0.1:7001/7002" by service, the ports for HTTP and gRPC. The second may be left
// out where there is no gRPC.
func book(c config.Network) (map[string]addresses, error) {
	all := make(map[string]addresses)
	var wrong []error
	for name, value := range c.Addresses {
		http, second, _ := strings.Cut(value, "/")
		host, _, err := net.SplitHostPort(http)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("SHOP_ADDRESSES: %s=%s won't do: it takes host:8080/9090", name, value))
		}
		a := addresses{http: http}
		if second != "" {
			a.grpc = net.JoinHostPort(host, second)
		}
		all[name] = a
	}
	return all, errors.Join(wrong...)
}

// directory returns the registry, and where the services that start here listen.
func directory(c config.Network, here []service.Definition) (discovery.Registry, map[string]addresses, error) {
	if c.Discovery == "dns" {
		return dns(c, here)
	}
	known, err := book(c)
	if err != nil {
		return nil, nil, err
	}
	registry := discovery.NewStatic()
	for name, a := range known {
		if err := errors.Join(register(registry, name, "http", a.http), register(registry, name, "grpc", a.grpc)); err != nil {
			return nil, nil, err
		}
	}
	places := make(map[string]addresses)
	for _, d := range here {
		places[d.Name] = anyPort
		if a, ok := known[d.Name]; ok {
			places[d.Name] = a
		}
		for _, other := range d.Calls {
			_, listed := known[other]
			if !listed && !slices.ContainsFunc(here, func(d service.Definition) bool { return d.Name == other }) {
				missing := fmt.Errorf("%s calls %s, which isn't started here: put its address into SHOP_ADDRESSES", d.Name, other)
				err = errors.Join(err, missing)
			}
		}
	}
	return registry, places, err
}

func register(registry discovery.Registry, name, protocol, address string) error {
	if address == "" {
		return nil
	}
	return registry.Register(context.Background(), name, protocol, address)
}

// dns is directory for services that DNS knows. They all have the same ports, so each is a process of its own.
func dns(c config.Network, here []service.Definition) (discovery.Registry, map[string]addresses, error) {
	if len(here) > 1 {
		return nil, nil, errors.New("with SHOP_DISCOVERY=dns each service is a process of its own: name the one to start")
	}
	ports := make(map[string]string)
	for protocol, address := range map[string]string{"http": c.HTTP, "grpc": c.GRPC} {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, nil, fmt.Errorf("the address for %s: %w", protocol, err)
		}
		ports[protocol] = port
	}
	registry, err := discovery.NewDNS(discovery.DNSConfig{Host: "{service}", Ports: ports})
	if err != nil {
		return nil, nil, err
	}
	return registry, map[string]addresses{here[0].Name: {c.HTTP, c.GRPC}}, nil
}

// gatewayPlace is where the gateway listens: the setting of its own comes first.
func gatewayPlace(c config.Network, p addresses) addresses {
	if c.Gateway.Listen != "" {
		p.http = c.Gateway.Listen
	} else if p == anyPort {
		p.http = "" // see listenForCustomers
	}
	return p
}

package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"

	"warren.example/workshop/node/docker"
	"warren.example/workshop/port"
)

// Files and settings of a node. Variables that name the files work with Docker's official image and with an image made
// from a distribution's package alike (https://www.rabbitmq.com/docs/configure#supported-environment-variables).
const (
	configFile  = "/etc/warren/rabbitmq.conf"
	pluginsFile = "/etc/warren/enabled_plugins"
	plugins     = "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_consistent_hash_exchange,rabbitmq_stream].\n"
	memoryLimit = "1GB"
	cookie      = "-setcookie warren" // what nodes of a cluster and rabbitmqctl know each other by
)

// serverArgs are arguments of the server's Erlang. Two schedulers are enough for a lesson. A dead container answers nothing,
// not even with a reset, so that its neighbours notice its death only by the missing ticks: after 5 s instead of 60
// (https://www.rabbitmq.com/docs/nettick).
const serverArgs = cookie + " +S 2:2 -kernel net_ticktime 5"

func environment() map[string]string {
	return map[string]string{
		"RABBITMQ_CONFIG_FILE":                configFile,
		"RABBITMQ_ENABLED_PLUGINS_FILE":       pluginsFile,
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": serverArgs,
		"RABBITMQ_CTL_ERL_ARGS":               cookie,
	}
}

// config returns the node's rabbitmq.conf. guest may log in from outside the container: its ports are bound to this
// machine's loopback interface only.
func config(n docker.NodeRequest, hosts []string) []byte {
	lines := []string{
		"listeners.tcp.default = 5672",
		"management.tcp.port = 15672",
		"prometheus.tcp.port = 15692",
		"stream.listeners.tcp.default = 5552",
		"stream.advertised_host = 127.0.0.1",
		fmt.Sprintf("stream.advertised_port = %d", n.Ports.Stream),
		"loopback_users = none",
		"vm_memory_high_watermark.absolute = " + memoryLimit,
		"disk_free_limit.absolute = 50MB",
	}
	if len(hosts) > 1 {
		lines = append(lines, "cluster_formation.peer_discovery_backend = classic_config")
		for i, host := range hosts {
			lines = append(lines, fmt.Sprintf("cluster_formation.classic_config.nodes.%d = rabbit@%s", i+1, host))
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// portsOf pairs the ports inside the container with those on this machine.
func portsOf(p port.Set) map[string]int {
	return map[string]int{"5672/tcp": p.AMQP, "15672/tcp": p.Management, "15692/tcp": p.Prometheus, "5552/tcp": p.Stream}
}

func exposedPorts() []string {
	var exposed []string
	for inside := range portsOf(port.Set{}) {
		exposed = append(exposed, inside)
	}
	return exposed
}

// bindings binds the ports to loopback with fixed numbers: Docker's own choice would change at every restart.
func bindings(p port.Set) network.PortMap {
	bound := make(network.PortMap)
	for inside, outside := range portsOf(p) {
		bound[network.MustParsePort(inside)] = []network.PortBinding{{
			HostIP:   netip.AddrFrom4([4]byte{127, 0, 0, 1}),
			HostPort: strconv.Itoa(outside),
		}}
	}
	return bound
}

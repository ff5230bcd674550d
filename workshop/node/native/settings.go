package native

import (
	"fmt"
	"strings"

	"warren.example/workshop/broker"
	"warren.example/workshop/port"
)

// memoryLimit is the memory at which a node blocks publishers (vm_memory_high_watermark). It is given as an amount, not as
// a part of the machine's memory, so that it means the same everywhere.
const memoryLimit = "1GB"

// settings returns the lines of rabbitmq.conf (https://www.rabbitmq.com/docs/configure#config-items): everything on
// loopback, little memory and disk, few processes, quick to start.
func settings(ports port.Set, cluster []string, d *Driver) []string {
	lines := []string{
		fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d", ports.AMQP),
		"num_acceptors.tcp = 2",
		"vm_memory_high_watermark.absolute = " + memoryLimit,
		"disk_free_limit.absolute = 50MB",
		"raft.wal_max_size_bytes = 32000000",
		"log.console = false",
		"log.file.level = info",
	}
	// A setting of a plugin that is not installed would keep the node from starting.
	if d.Has(broker.Management) {
		lines = append(lines, "management.tcp.ip = 127.0.0.1",
			fmt.Sprintf("management.tcp.port = %d", ports.Management))
	}
	if d.Has(broker.Prometheus) {
		lines = append(lines, "prometheus.tcp.ip = 127.0.0.1",
			fmt.Sprintf("prometheus.tcp.port = %d", ports.Prometheus))
	}
	if d.Has(broker.Streams) {
		lines = append(lines, fmt.Sprintf("stream.listeners.tcp.1 = 127.0.0.1:%d", ports.Stream),
			"stream.advertised_host = 127.0.0.1",
			fmt.Sprintf("stream.advertised_port = %d", ports.Stream))
	}
	return append(lines, clusterSettings(cluster, d.server.version)...)
}

// clusterSettings make nodes form a cluster when they start for the first time
// (https://www.rabbitmq.com/docs/cluster-formation#peer-discovery-classic-config).
func clusterSettings(names []string, version string) []string {
	if len(names) == 1 {
		return nil
	}
	lines := []string{"cluster_formation.peer_discovery_backend = classic_config"}
	if strings.HasPrefix(version, "3.") { // waits 5 to 60 s by default; 4.0 waits no more, and refuses the setting
		lines = append(lines, "cluster_formation.randomized_startup_delay_range.min = 0",
			"cluster_formation.randomized_startup_delay_range.max = 1")
	}
	for i, name := range names {
		lines = append(lines, fmt.Sprintf("cluster_formation.classic_config.nodes.%d = %s", i+1, name))
	}
	return lines
}

// erlangArguments make the virtual machine small and keep it on loopback: two schedulers that don't spin while idle, and
// no listener for other nodes but on 127.0.0.1.
var erlangArguments = strings.Join([]string{
	"+S 2:2", "+sbwt none", "+sbwtdcpu none", "+sbwtdio none",
	"-kernel inet_dist_use_interface {127,0,0,1}",
}, " ")

// Package container shows a test that brings its own broker: RabbitMQ in a container that is thrown away when the test
// ends. The exercises don't need it: package lab leases them brokers that run already, which is quicker.
package container

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const port = "5672/tcp"

func TestMessageGoesThroughAThrowAwayBroker(t *testing.T) {
	// Ryuk is a second container that removes what a killed test leaves behind. Here one image must be enough.
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	conn := dial(t, start(t, image(t)))

	ch, err := conn.Channel()
	require.NoError(t, err)
	queue, err := ch.QueueDeclare("inventory.commands", true, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	sent, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", queue.Name, false, false,
		amqp.Publishing{ContentType: "text/plain", Body: []byte("stock.reserve order-7")})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stored, err := sent.WaitContext(ctx)
	require.NoError(t, err)
	require.True(t, stored, "the broker did not confirm the message")

	deliveries, err := ch.ConsumeWithContext(ctx, queue.Name, "", false, false, false, false, nil)
	require.NoError(t, err)
	d, ok := <-deliveries
	require.True(t, ok, "no message came")
	require.Equal(t, "stock.reserve order-7", string(d.Body))
	require.NoError(t, d.Ack(false))
}

// image returns the name of the image to run. It skips the test unless an engine answers within seconds and has it.
func image(t *testing.T) string {
	t.Helper()
	name := "rabbitmq:4.3-management"
	if other := os.Getenv("WORKSHOP_RABBITMQ_IMAGE"); other != "" {
		name = other
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		t.Skipf("needs a Docker engine: %v", err)
	}
	defer docker.Close()
	if _, err := docker.Ping(ctx, client.PingOptions{}); err != nil {
		t.Skipf("needs a Docker engine: %v", err)
	}
	if _, err := docker.ImageInspect(ctx, name); err != nil {
		t.Skipf("needs the image %s on this machine: `docker pull %[1]s`, or set WORKSHOP_RABBITMQ_IMAGE (%v)", name, err)
	}
	return name
}

// start runs the image and returns the address of its RabbitMQ. The container ends with the test.
func start(t *testing.T, image string) string {
	t.Helper()
	broker, err := testcontainers.GenericContainer(t.Context(), testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        image,
			ExposedPorts: []string{port},
			// The user guest may come from outside the container: its port is bound to loopback only.
			Env: map[string]string{"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-rabbit loopback_users []"},
			HostConfigModifier: func(h *container.HostConfig) {
				loopback := network.PortBinding{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1})} // on a port that is free
				h.PortBindings = network.PortMap{network.MustParsePort(port): {loopback}}
			},
			WaitingFor: wait.ForLog("completed with").WithStartupTimeout(time.Minute), // … 4 plugins
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, broker) // also when it didn't start
	require.NoError(t, err)
	mapped, err := broker.MappedPort(t.Context(), port)
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", mapped.Port())
}

// dial connects to the broker. The connection ends with the test.
func dial(t *testing.T, address string) *amqp.Connection {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://guest:guest@"+address+"/", amqp.Config{Dial: amqp.DefaultDial(10 * time.Second)})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

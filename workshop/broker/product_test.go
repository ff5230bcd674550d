package broker_test

import (
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/minirabbit"
)

func TestTheStandInSaysWhatItIs(t *testing.T) {
	t.Parallel()
	conn, err := amqp.Dial(minirabbit.Run(t, minirabbit.WithVersion("3.10")).URL())
	require.NoError(t, err)
	defer conn.Close()
	require.Regexp(t, `^minirabbit 3\.10\.\d+$`, broker.Product(conn))
}

func TestRabbitMQSaysWhatItIs(t *testing.T) {
	t.Parallel()
	url := os.Getenv(broker.EnvAMQP)
	if url == "" {
		t.Skip("needs a RabbitMQ: " + broker.EnvAMQP)
	}
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	defer conn.Close()
	require.Regexp(t, `^RabbitMQ \d+\.\d+\.\d+$`, broker.Product(conn))
}

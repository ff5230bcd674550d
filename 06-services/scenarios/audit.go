package scenarios

import (
	"context"
	"net/http"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/audit"
)

// sound asks the auditor: after all that has happened, money and goods are where they should be, and the events tell the same.
func sound(t *testing.T, s *System) {
	conn, err := amqp.Dial(s.AMQP)
	require.NoError(t, err)
	defer conn.Close()
	calls, err := grpc.NewClient(s.Inventory, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer calls.Close()
	sources := audit.Sources{HTTP: http.DefaultClient, Order: s.Gateway, Provider: s.Provider,
		Token: login(t, s, s.Admin.Email, s.Admin.Password).token, Inventory: inventorypb.NewInventoryClient(calls), Broker: conn,
		Parked: []string{"inventory.parked", "order.parked", "payment.parked", "shipping.parked", "notification.parked"},
		Placed: s.placed, Supplied: s.supplied}
	var found []audit.Violation
	defer func() { t.Log(found) }()
	await(t, "the auditor finds nothing wrong", func() bool { // what is the case when the shop rests
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		facts, err := audit.Gather(ctx, sources)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(facts.Orders), len(s.supplied))
		found = audit.Judge(facts)
		return len(found) == 0
	})
}

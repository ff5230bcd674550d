package minirabbit_test

import (
	"encoding/json"
	"net"
	"net/http"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

func TestTheVersionIsTold(t *testing.T) {
	for short, full := range map[string]string{"": "4.0.5", "3.10": "3.10.8", "4.0": "4.0.5", "4.3": "4.3.5"} {
		broker := minirabbit.Run(t, minirabbit.WithVersion(short))
		c, _ := connect(t, broker.URL())
		require.Equal(t, full, c.Properties["version"])
		require.Equal(t, "RabbitMQ", c.Properties["product"])
		require.Contains(t, c.Properties, "minirabbit")
		told, err := minirabbit.ParseVersion(short)
		require.NoError(t, err)
		require.Equal(t, full, told)
	}
	_, err := minirabbit.Start(minirabbit.WithVersion("2.8"))
	require.ErrorContains(t, err, "minirabbit: version \"2.8\" is not imitated: want 3.10, 4.0 or 4.3")
}

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().String()
	_, err = minirabbit.Start(minirabbit.WithAddress(taken))
	require.ErrorContains(t, err, "minirabbit: listen for AMQP: ")
	_, err = minirabbit.Start(minirabbit.WithManagement(taken))
	require.ErrorContains(t, err, "minirabbit: listen for the management API: ")
}

func TestUsersHavePermissions(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithUser(minirabbit.User{
		Name: "shop", Password: "secret/word",
		Permissions: map[string]minirabbit.Permissions{"a/b": {Configure: "^shop", Write: "^shop", Read: "^shop"}},
	}))
	_, ch := connect(t, broker.URLFor("shop", "secret/word", "a/b"))
	_, err := ch.QueueDeclare("shop.orders", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDeclare("other", true, false, false, false, nil)
	require.ErrorContains(t, err, "403")

	_, err = amqp.Dial(broker.URLFor("shop", "wrong", "a/b"))
	require.ErrorIs(t, err, amqp.ErrCredentials)
	_, err = amqp.Dial(broker.URLFor("shop", "secret/word", "/"))
	require.ErrorContains(t, err, "NOT_ALLOWED - access to vhost '/' refused for user 'shop'")
}

func TestVirtualHostsAreApart(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithVirtualHost("one"))
	_, one := connect(t, broker.URLFor("guest", "guest", "one"))
	_, two := connect(t, broker.AddVirtualHost("two"))
	_, err := one.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = two.QueueDeclarePassive("orders", true, false, false, false, nil)
	require.ErrorContains(t, err, "NOT_FOUND - no queue 'orders' in vhost 'two'")
}

func TestManagement(t *testing.T) {
	require.Empty(t, minirabbit.Run(t).ManagementURL())

	broker := minirabbit.Run(t, minirabbit.WithManagement(""))
	url := broker.ManagementURL()
	require.Equal(t, "RabbitMQ", product(t, url))
	broker.Stop()
	_, err := http.Get(url + "/api/overview")
	require.Error(t, err)
	require.NoError(t, broker.Restart())
	require.Equal(t, url, broker.ManagementURL())
	require.Equal(t, "RabbitMQ", product(t, url))
}

// product asks the management API what it belongs to.
func product(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url + "/api/overview")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var overview struct {
		Product string `json:"product_name"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&overview))
	return overview.Product
}

func TestHostileBodiesComeInPieces(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithHostility(7))
	_, ch := connect(t, broker.URL())
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)
	body := make([]byte, 5000)
	for i := range body {
		body[i] = byte(i)
	}
	publish(t, ch, "orders", string(body))
	d, ok, err := ch.Get("orders", true)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, body, d.Body)
}

func TestSeveralBrokersInOneProcess(t *testing.T) {
	first, second := minirabbit.Run(t), minirabbit.Run(t)
	require.NotEqual(t, first.URL(), second.URL())
	_, ch := connect(t, first.URL())
	_, err := ch.QueueDeclare("orders", true, false, false, false, nil)
	require.NoError(t, err)
	require.Len(t, first.Facts().Queues, 1)
	require.Empty(t, second.Facts().Queues)
}

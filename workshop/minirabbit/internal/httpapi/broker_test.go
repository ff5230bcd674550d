package httpapi

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/version"
)

// The other tests use a fake; this one sees that the broker itself fits. Package mini's tests go through a whole server.
func TestABrokerIsASource(t *testing.T) {
	b := broker.New(broker.Options{Version: version.V43})
	t.Cleanup(b.Close)
	h := New(b, Config{})
	require.Equal(t, "4.3.5", get[overview](t, h, "/api/overview").Version)
	require.Equal(t, 201, do(t, h, call{method: "PUT", path: "/api/vhosts/shop"}).StatusCode)
	require.True(t, b.MayEnter("shop", "guest"))
	require.Equal(t, 201, do(t, h, call{method: "PUT", path: "/api/users/bob", body: `{"tags":"administrator"}`}).StatusCode)
	r := do(t, h, call{path: "/api/whoami", user: "bob"})
	require.Equal(t, 401, r.StatusCode, "without a password nobody logs in")
	require.Equal(t, 400, do(t, h, call{method: "PUT", path: "/api/permissions/shop/bob", body: `{"configure":"(","write":"","read":""}`}).StatusCode)
	require.Len(t, get[[]exchangeAnswer](t, h, "/api/exchanges/shop"), 7)
	require.Equal(t, "shop", get[liveAnswer](t, h, "/live/shop").Host)
	require.Equal(t, 204, do(t, h, call{method: "DELETE", path: "/api/vhosts/shop"}).StatusCode)
	require.Equal(t, []string{"/"}, b.Hosts())
}

package management_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/management"
)

// These tests look at what goes over the wire; broker/sourcetest tries the calls on a real RabbitMQ.

// A request is what the server got.
type request struct{ method, path, body, user, password, reason string }

// serve answers every call with a status and a body. It returns a client and, after a call, what was asked.
func serve(t *testing.T, status int, body string) (*management.Client, *request) {
	t.Helper()
	var got request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = request{method: r.Method, path: r.URL.EscapedPath(), body: string(raw), reason: r.Header.Get("X-Reason")}
		got.user, got.password, _ = r.BasicAuth()
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	client, err := management.New(strings.Replace(server.URL, "http://", "http://admin:s%40cret@", 1))
	require.NoError(t, err)
	return client, &got
}

func TestCallsSendWhatTheAPIWants(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(context.Context, *management.Client) error
		want request
	}{
		{"PutVHost", func(ctx context.Context, c *management.Client) error { return c.PutVHost(ctx, "a/b c") },
			request{method: "PUT", path: "/api/vhosts/a%2Fb%20c", body: "{}"}},
		{"DeleteVHost", func(ctx context.Context, c *management.Client) error { return c.DeleteVHost(ctx, "/") },
			request{method: "DELETE", path: "/api/vhosts/%2F"}},
		{"PutUser", func(ctx context.Context, c *management.Client) error {
			return c.PutUser(ctx, "bob", management.User{Password: "pw", Tags: []string{"administrator", "management"}})
		}, request{method: "PUT", path: "/api/users/bob", body: `{"password":"pw","tags":"administrator,management"}`}},
		{"DeleteUser", func(ctx context.Context, c *management.Client) error { return c.DeleteUser(ctx, "bob") },
			request{method: "DELETE", path: "/api/users/bob"}},
		{"PutPermissions", func(ctx context.Context, c *management.Client) error {
			return c.PutPermissions(ctx, "/", "bob", management.AllPermissions)
		}, request{method: "PUT", path: "/api/permissions/%2F/bob", body: `{"configure":".*","write":".*","read":".*"}`}},
		{"CloseConnection", func(ctx context.Context, c *management.Client) error {
			return c.CloseConnection(ctx, "127.0.0.1:1 -> 127.0.0.1:2", "maintenance")
		}, request{method: "DELETE", path: "/api/connections/127.0.0.1:1%20-%3E%20127.0.0.1:2", reason: "maintenance"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, got := serve(t, http.StatusNoContent, "")
			require.NoError(t, test.call(t.Context(), client))
			test.want.user, test.want.password = "admin", "s@cret"
			require.Equal(t, test.want, *got)
		})
	}
}

func TestAQueueIsReadAsItIs(t *testing.T) {
	t.Parallel()
	client, got := serve(t, http.StatusOK, `{"name":"orders","vhost":"/","type":"quorum","durable":true,
		"arguments":{"x-queue-type":"quorum"},"messages":3,"messages_ready":2,"messages_unacknowledged":1,
		"consumers":1,"leader":"a@b","members":["a@b","c@d"],"something_new":{}}`)
	queue, err := client.Queue(t.Context(), "/", "orders")
	require.NoError(t, err)
	require.Equal(t, "/api/queues/%2F/orders", got.path)
	require.Equal(t, management.Queue{
		Name: "orders", VHost: "/", Type: "quorum", Durable: true, Arguments: map[string]any{"x-queue-type": "quorum"},
		Messages: 3, Ready: 2, Unacked: 1, Consumers: 1, Leader: "a@b", Members: []string{"a@b", "c@d"},
	}, queue)
}

func TestListsAreAskedOfOneVirtualHost(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"queues", "exchanges", "bindings"} {
		client, got := serve(t, http.StatusOK, `[{"vhost":"v"},{"vhost":"v"}]`)
		var count int
		switch kind {
		case "queues":
			all, err := client.Queues(t.Context(), "v")
			require.NoError(t, err)
			count = len(all)
		case "exchanges":
			all, err := client.Exchanges(t.Context(), "v")
			require.NoError(t, err)
			count = len(all)
		case "bindings":
			all, err := client.Bindings(t.Context(), "v")
			require.NoError(t, err)
			count = len(all)
		}
		require.Equal(t, 2, count)
		require.Equal(t, "/api/"+kind+"/v", got.path)
	}
}

func TestRefusalsCarryStatusAndReason(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, http.StatusUnauthorized, `{"error":"not_authorised","reason":"Login failed"}`)
	_, err := client.Overview(t.Context())
	var refusal *management.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, management.Error{Status: http.StatusUnauthorized, Reason: "Login failed"}, *refusal)
	require.NotErrorIs(t, err, management.ErrNotFound)
	require.NotContains(t, err.Error(), "s@cret")

	client, _ = serve(t, http.StatusBadGateway, "<html>a proxy</html>")
	_, err = client.Overview(t.Context())
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, management.Error{Status: http.StatusBadGateway}, *refusal)
}

func TestWhatIsMissingIsNotFoundAndMayBeDeleted(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, http.StatusNotFound, `{"error":"Object Not Found","reason":"Not Found"}`)
	_, err := client.Queue(t.Context(), "/", "none")
	require.ErrorIs(t, err, management.ErrNotFound)
	require.NoError(t, client.DeleteVHost(t.Context(), "none"))
	require.NoError(t, client.DeleteUser(t.Context(), "none"))
	require.ErrorIs(t, client.CloseConnection(t.Context(), "none", ""), management.ErrNotFound)
}

func TestTagsHaveTwoForms(t *testing.T) {
	t.Parallel()
	for _, tags := range []string{`["administrator","management"]`, `"administrator,management"`} {
		client, _ := serve(t, http.StatusOK, `{"name":"bob","tags":`+tags+`}`)
		who, err := client.WhoAmI(t.Context())
		require.NoError(t, err)
		require.Equal(t, management.WhoAmI{Name: "bob", Tags: management.Tags{"administrator", "management"}}, who)
	}
}

func TestABadAddressIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"amqp://a:secret@host", "host:15672", "http://a:secret@ho st/", ""} {
		_, err := management.New(address)
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, http.StatusOK, "{}")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Overview(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "s@cret")
}

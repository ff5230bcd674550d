package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/version"
)

// call is one request to a handler; the user is guest unless a test names another.
type call struct {
	method, path, body string
	user, password     string
	header             map[string]string
}

func do(t *testing.T, h http.Handler, c call) *http.Response {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodGet
	}
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	r.RemoteAddr = "127.0.0.1:50000" // guest may come from the machine itself only
	switch c.user {
	case "":
		r.SetBasicAuth("guest", "guest")
	case "nobody":
	default:
		r.SetBasicAuth(c.user, c.password)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder.Result()
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(raw)
}

func get[T any](t *testing.T, h http.Handler, path string) T {
	t.Helper()
	r := do(t, h, call{path: path})
	body := bodyOf(t, r)
	require.Equal(t, http.StatusOK, r.StatusCode, body)
	var answer T
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	return answer
}

// Who may enter a virtual host and is no monitor sees its queues, but of connections, channels and consumers only his own, as
// with RabbitMQ (rabbit_mgmt_util:filter_conn_ch_list, rabbit_mgmt_wm_consumers:filter_user).
func TestUsersSeeOnlyTheirOwnConnections(t *testing.T) {
	f := newFake(version.V40)
	f.PutUser(broker.User{Name: "bob", Password: "b", Tags: []string{"management"}})
	require.NoError(t, f.PutPermissions("shop", "bob", broker.Permissions{}))
	h := newHandler(f, Config{})
	for _, path := range []string{"/api/connections", "/api/channels", "/api/consumers", "/api/consumers/shop"} {
		require.Equal(t, "[]", bodyOf(t, do(t, h, call{path: path, user: "bob", password: "b"})), path)
		require.NotEqual(t, "[]", bodyOf(t, do(t, h, call{path: path})), path)
	}
	var live liveAnswer
	require.NoError(t, json.Unmarshal([]byte(bodyOf(t, do(t, h, call{path: "/live/shop", user: "bob", password: "b"}))), &live))
	require.Len(t, live.Queues, 4)
	require.Empty(t, live.Connections)
	require.Empty(t, live.Channels)
	require.Empty(t, live.Consumers)
}

// The refusals are RabbitMQ 4.0.5's, seen on a real one.
func TestRefusalsAreRabbitMQs(t *testing.T) {
	f := newFake(version.V40)
	f.PutUser(broker.User{Name: "bob", Password: "b", Tags: []string{"management"}})
	f.PutUser(broker.User{Name: "eve", Password: "e"})
	f.PutUser(broker.User{Name: "mute"})
	h := newHandler(f, Config{})
	const notFound = `{"error":"Object Not Found","reason":"Not Found"}`
	for _, test := range []struct {
		call
		status int
		body   string
	}{
		{call{path: "/api/overview", user: "nobody"}, 401, ``},
		{call{path: "/api/overview", user: "guest", password: "x"}, 401, `{"error":"not_authorized","reason":"Not_Authorized"}`},
		{call{path: "/api/overview", user: "mute"}, 401, `{"error":"not_authorized","reason":"Not_Authorized"}`},
		{call{path: "/api/overview", user: "eve", password: "e"}, 401, `{"error":"not_authorised","reason":"Not management user"}`},
		{call{path: "/api/users", user: "bob", password: "b"}, 401, `{"error":"not_authorised","reason":"Not administrator user"}`},
		{call{path: "/api/nodes", user: "bob", password: "b"}, 401, `{"error":"not_authorised","reason":"Not monitor user"}`},
		{call{path: "/api/queues/shop", user: "bob", password: "b"}, 401,
			`{"error":"not_authorised","reason":"User not authorised to access virtual host"}`},
		{call{path: "/api/queues", user: "bob", password: "b"}, 200, `[]`},
		{call{path: "/api/connections", user: "bob", password: "b"}, 200, `[]`},
		{call{path: "/api/vhosts", user: "bob", password: "b"}, 200, `[]`},
		{call{path: "/api/nothing"}, 404, notFound},
		{call{path: "/nothing"}, 404, notFound},
		{call{path: "/api/queues/none"}, 404, notFound},
		{call{path: "/api/queues/shop/none"}, 404, notFound},
		{call{path: "/api/exchanges/shop/none"}, 404, notFound},
		{call{path: "/api/exchanges/shop/none/bindings/source"}, 404, notFound},
		{call{path: "/api/vhosts/none"}, 404, notFound},
		{call{path: "/api/nodes/none"}, 404, notFound},
		{call{path: "/api/users/none"}, 404, notFound},
		{call{path: "/api/connections/none"}, 404, notFound},
		{call{path: "/api/permissions/shop/none"}, 404, notFound},
		{call{method: "DELETE", path: "/api/vhosts/none"}, 404, notFound},
		{call{method: "DELETE", path: "/api/users/none"}, 404, notFound},
		{call{method: "DELETE", path: "/api/permissions/shop/none"}, 404, notFound},
		{call{method: "DELETE", path: "/api/connections/none"}, 404, notFound},
		{call{method: "POST", path: "/api/queues"}, 405, ``},
		{call{method: "DELETE", path: "/api/overview"}, 405, ``},
		{call{method: "PUT", path: "/api/vhosts/x", body: "{bad"}, 400, `{"error":"bad_request","reason":"not_json"}`},
		{call{method: "PUT", path: "/api/users/x", body: `{"password":"x"}`}, 400, `{"error":"bad_request","reason":"tags_not_present"}`},
		{call{method: "PUT", path: "/api/permissions/shop/guest", body: `{"configure":"","write":""}`}, 400,
			`{"error":"bad_request","reason":"[{key_missing,read}]"}`},
		{call{method: "PUT", path: "/api/permissions/shop/none", body: `{"configure":"","write":"","read":""}`}, 400,
			`{"error":"bad_request","reason":"vhost_or_user_not_found"}`},
		{call{method: "PUT", path: "/api/permissions/none/guest", body: `{"configure":"","write":"","read":""}`}, 400,
			`{"error":"bad_request","reason":"vhost_or_user_not_found"}`},
	} {
		r := do(t, h, test.call)
		require.Equal(t, test.status, r.StatusCode, "%s %s", test.method, test.path)
		require.Equal(t, test.body, bodyOf(t, r), "%s %s", test.method, test.path)
	}
	r := do(t, h, call{path: "/api/overview", user: "nobody"})
	require.Equal(t, `Basic realm="RabbitMQ Management"`, r.Header.Get("WWW-Authenticate"))
	r = do(t, h, call{method: "DELETE", path: "/api/overview"})
	require.Equal(t, "HEAD, GET, OPTIONS", r.Header.Get("Allow"))
}

func TestWhatRabbitMQHasAndThisHasNotIsNeverNotFound(t *testing.T) {
	h := newHandler(newFake(version.V40), Config{})
	for _, c := range []call{
		{path: "/api/definitions"},
		{path: "/api/policies/%2F/name"},
		{path: "/api/queues?page=1"},
		{path: "/api/connections/username/guest"},
		{method: "PUT", path: "/api/queues/shop/new", body: "{}"},
		{method: "PUT", path: "/api/exchanges/shop/new", body: "{}"},
		{method: "POST", path: "/api/exchanges/shop/orders/publish", body: "{}"},
		{method: "POST", path: "/api/queues/shop/q.classic/get", body: "{}"},
		{method: "DELETE", path: "/api/queues/shop/q.classic/contents"},
		{method: "PUT", path: "/api/vhosts/new", body: `{"default_queue_type":"quorum"}`},
		{method: "PUT", path: "/api/vhosts/new", body: `{"tracing":true}`},
		{method: "PUT", path: "/api/users/new", body: `{"password_hash":"x","tags":""}`},
	} {
		r := do(t, h, c)
		require.Equal(t, http.StatusNotImplemented, r.StatusCode, "%s %s", c.method, c.path)
		var answer refusal
		require.NoError(t, json.Unmarshal([]byte(bodyOf(t, r)), &answer))
		require.Equal(t, "not_implemented", answer.Code)
		require.Contains(t, answer.Reason, "a real RabbitMQ does")
	}
}

func TestVirtualHostsComeAndGo(t *testing.T) {
	f := newFake(version.V40)
	h := newHandler(f, Config{})
	require.Equal(t, 201, do(t, h, call{method: "PUT", path: "/api/vhosts/a%2Fb"}).StatusCode)
	require.Equal(t, 204, do(t, h, call{method: "PUT", path: "/api/vhosts/a%2Fb", body: `{"description":"x"}`}).StatusCode)
	require.Equal(t, []string{"/", "a/b", "shop"}, f.Hosts())
	require.True(t, f.MayEnter("a/b", "guest"), "RabbitMQ gives the maker all permissions")
	require.Equal(t, "a/b", get[hostAnswer](t, h, "/api/vhosts/a%2Fb").Name)
	require.Len(t, get[[]hostAnswer](t, h, "/api/vhosts/"), 3)
	require.Equal(t, 204, do(t, h, call{method: "DELETE", path: "/api/vhosts/a%2Fb"}).StatusCode)
	require.Equal(t, []string{"/", "shop"}, f.Hosts())
}

func TestUsersAndPermissionsComeAndGo(t *testing.T) {
	f := newFake(version.V40)
	h := newHandler(f, Config{})
	put := func(path, body string) int {
		return do(t, h, call{method: "PUT", path: path, body: body}).StatusCode
	}
	require.Equal(t, 201, put("/api/users/bob", `{"password":"x","tags":"management, monitoring"}`))
	bob, _ := f.User("bob")
	require.Equal(t, broker.User{Name: "bob", Password: "x", Tags: []string{"management", "monitoring"}}, bob)
	require.Equal(t, 204, put("/api/users/bob", `{"password":"y","tags":["administrator"]}`))
	require.Equal(t, []string{"administrator"}, get[userAnswer](t, h, "/api/users/bob").Tags)
	require.Len(t, get[[]userAnswer](t, h, "/api/users"), 2)

	require.Equal(t, 201, put("/api/permissions/shop/bob", `{"configure":"^bob","write":".*","read":""}`))
	require.Equal(t, 204, put("/api/permissions/shop/bob", `{"configure":"","write":".*","read":""}`))
	require.Equal(t, 400, put("/api/permissions/shop/bob", `{"configure":"(","write":".*","read":""}`))
	want := permissionAnswer{User: "bob", Host: "shop", Write: ".*"}
	require.Equal(t, want, get[permissionAnswer](t, h, "/api/permissions/shop/bob"))
	require.Equal(t, []permissionAnswer{want}, get[[]permissionAnswer](t, h, "/api/users/bob/permissions"))
	require.Len(t, get[[]permissionAnswer](t, h, "/api/vhosts/shop/permissions"), 2)
	require.Len(t, get[[]permissionAnswer](t, h, "/api/permissions"), 3)
	require.Equal(t, 204, do(t, h, call{method: "DELETE", path: "/api/permissions/shop/bob"}).StatusCode)
	require.Equal(t, 204, do(t, h, call{method: "DELETE", path: "/api/users/bob"}).StatusCode)
	require.Len(t, f.Users(), 1)
}

func TestConnectionsAreClosedWithTheReason(t *testing.T) {
	f := newFake(version.V40)
	h := newHandler(f, Config{})
	path := "/api/connections/" + url.PathEscape(peer)
	require.Equal(t, "shop", get[connectionAnswer](t, h, path).Host)
	require.Len(t, get[[]channelAnswer](t, h, path+"/channels"), 1)
	r := do(t, h, call{method: "DELETE", path: path, header: map[string]string{"X-Reason": "maintenance"}})
	require.Equal(t, 204, r.StatusCode)
	require.Equal(t, map[string]string{peer: "maintenance"}, f.closed)
	do(t, h, call{method: "DELETE", path: path})
	require.Equal(t, map[string]string{peer: "Closed via management plugin"}, f.closed)
}

func TestTheTopologyIsRead(t *testing.T) {
	h := newHandler(newFake(version.V40), Config{Listeners: []Listener{{"amqp", "127.0.0.1", 5672}}})
	o := get[overview](t, h, "/api/overview")
	require.Equal(t, "4.0.5", o.Version)
	require.Equal(t, 4, o.ObjectTotals.Queues)
	require.Equal(t, queueTotals{3, 2, 1}, o.QueueTotals)
	require.Equal(t, 5672, o.Listeners[0].Port)

	q := get[queueAnswer](t, h, "/api/queues/shop/q.classic")
	require.Equal(t, queueTotals{3, 2, 1}, q.queueTotals)
	require.Equal(t, queueTraffic{Published: 3, Delivered: 2, Redelivered: 1}, q.Stats)
	require.Equal(t, map[string]any{"x-max-length": 10.0, "x-message-ttl": 60000.0, "x-queue-type": "classic"}, q.Arguments)
	require.Len(t, *q.Details, 1)
	require.Len(t, get[[]queueAnswer](t, h, "/api/queues"), 4)

	require.Equal(t, "", get[exchangeAnswer](t, h, "/api/exchanges/shop/amq.default").Name)
	require.Equal(t, exchangeTraffic{4, 3}, get[exchangeAnswer](t, h, "/api/exchanges/shop/orders").Stats)
	require.Len(t, get[[]bindingAnswer](t, h, "/api/bindings/shop"), 6)
	require.Len(t, get[[]bindingAnswer](t, h, "/api/exchanges/shop/orders/bindings/source"), 2)
	require.Len(t, get[[]bindingAnswer](t, h, "/api/exchanges/shop/un/bindings/destination"), 1)
	require.Len(t, get[[]bindingAnswer](t, h, "/api/queues/shop/q.classic/bindings"), 2)
	require.Len(t, get[[]consumerAnswer](t, h, "/api/consumers/shop"), 2)
	require.Empty(t, get[[]consumerAnswer](t, h, "/api/consumers/%2F"))
}

func TestAnAlarmIsTheNodes(t *testing.T) {
	f := newFake(version.V310)
	f.alarm = "memory"
	all := get[[]node](t, newHandler(f, Config{Node: "mini@here"}), "/api/nodes")
	require.Len(t, all, 1)
	require.Equal(t, "mini@here", all[0].Name)
	require.True(t, all[0].MemoryAlarm)
	require.False(t, all[0].DiskAlarm)
}

func TestThePageGetsAVirtualHostInOnePiece(t *testing.T) {
	h := newHandler(newFake(version.V40), Config{})
	live := get[liveAnswer](t, h, "/live/shop")
	require.Equal(t, "minirabbit", live.Product)
	require.Len(t, live.Hosts, 2)
	require.Len(t, live.Queues, 4)
	require.Len(t, live.Bindings, 2)
	require.Equal(t, "orders", live.Bindings[0].Source)
	require.EqualValues(t, 2, live.Bindings[0].Carried)
	require.Equal(t, 1, live.Consumers[0].Unacked)
	require.Len(t, live.Connections, 1)
	require.Equal(t, 404, do(t, h, call{path: "/live/none"}).StatusCode)
	require.Equal(t, 401, do(t, h, call{path: "/live/shop", user: "nobody"}).StatusCode)
}

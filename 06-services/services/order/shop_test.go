package order_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/services/order"
	"warren.example/06-services/services/order/application"
	"warren.example/06-services/store"
	"warren.example/06-services/store/storetest"
)

// A shop is an order service whose neighbours are the test: it answers for inventory and payment.
type shop struct {
	t       testing.TB
	db      *store.DB
	box     *outbox.Box
	inbox   *inbox.Inbox
	service *service.Service
	orders  *application.Orders
	catalog *catalog
	key     auth.Key
	open    storetest.Open

	mu       sync.Mutex
	now      time.Time
	away     error // of the broker
	observed []string
}

var patience = config.Config{
	Reserve:   config.Patience{Wait: 5 * time.Second, Asks: 3},
	Charge:    config.Patience{Wait: 10 * time.Second, Asks: 1},
	Undo:      config.Patience{Wait: 5 * time.Second, Asks: 3},
	OutboxAge: 30 * time.Second,
}

// open opens a shop on a database that storetest gives.
func open(t testing.TB, db storetest.Open) *shop {
	key, err := auth.NewKey()
	require.NoError(t, err)
	s := &shop{t: t, now: time.UnixMilli(1_800_000_000_000), key: key, open: db,
		catalog: &catalog{products: map[string]*catalogpb.Money{
			"tea":    {Minor: 399, Currency: "EUR"},
			"kettle": {Minor: 2500, Currency: "EUR"},
			"visa":   {Minor: 100, Currency: "USD"},
		}}}
	env := s.env()
	s.db, s.box = env.DB, env.Box
	s.service, err = order.New(t.Context(), env)
	require.NoError(t, err)
	s.orders = s.instance(env)
	s.inbox = inbox.New(s.db, s.box, s.clock, s.service.Events)
	return s
}

// env is what an instance of the service is given. It has a database connection of its own.
func (s *shop) env() *service.Env {
	db := s.open(s.t, outbox.Migrations, inbox.Migrations, *order.Definition.Store)
	return &service.Env{
		Name: "order", Config: patience, DB: db, Log: slog.New(slog.DiscardHandler), Now: s.clock,
		Box:      outbox.New(db, "order", s.clock),
		Verifier: auth.Fixed(s.key.Public(), s.clock),
		Dial:     func(string) (*grpc.ClientConn, error) { return s.catalog.dial(s.t), nil },
		Observe: func(name string, _ float64, labels ...string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.observed = append(s.observed, strings.Join(append([]string{name}, labels...), " "))
		},
		Broker: func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.away
		},
	}
}

// instance returns the application of an instance.
func (s *shop) instance(env *service.Env) *application.Orders {
	orders, err := order.NewOrders(env)
	require.NoError(s.t, err)
	return orders
}

func (s *shop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// later lets time pass.
func (s *shop) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// counted returns how often something was observed.
func (s *shop) counted(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.observed {
		if strings.HasPrefix(o, prefix) {
			n++
		}
	}
	return n
}

// sent returns what the service has sent since the last call.
func (s *shop) sent() []events.Message {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	broker := &recorder{}
	ended := make(chan error)
	go func() { ended <- outbox.Relay{Box: s.box, Publisher: broker, Poll: time.Millisecond}.Run(ctx) }()
	require.Eventually(s.t, func() bool {
		n, err := s.box.Pending(ctx)
		return err == nil && n == 0
	}, 20*time.Second, time.Millisecond, "the outbox is not emptied")
	cancel()
	require.NoError(s.t, <-ended)
	return broker.messages
}

// expect requires that these types of messages were sent since the last call, in this order, and returns the last one.
func (s *shop) expect(types ...string) events.Message {
	s.t.Helper()
	var got []string
	messages := s.sent()
	for _, m := range messages {
		got = append(got, m.Type)
	}
	require.Equal(s.t, types, got)
	if len(messages) == 0 {
		return events.Message{}
	}
	return messages[len(messages)-1]
}

type recorder struct{ messages []events.Message }

func (r *recorder) Publish(_ context.Context, messages []events.Message) []error {
	r.messages = append(r.messages, messages...)
	return make([]error, len(messages))
}

// answer lets a neighbour's message come in, and returns it.
func (s *shop) answer(p events.Payload) events.Message {
	s.t.Helper()
	m, err := events.New(p, events.About{Now: s.clock()})
	require.NoError(s.t, err)
	s.deliver(m)
	return m
}

func (s *shop) deliver(m events.Message) {
	s.t.Helper()
	for _, err := range s.inbox.Handle(s.t.Context(), []events.Message{m}) {
		require.NoError(s.t, err)
	}
}

// A call is a request of somebody.
type call struct {
	who  auth.Customer
	key  string // Idempotency-Key
	body any    // as JSON, unless it is a string
}

var (
	ann   = auth.Customer{ID: "ann"}
	bob   = auth.Customer{ID: "bob"}
	admin = auth.Customer{ID: "root", Admin: true}
)

// do sends a request and returns the answer. into is what its body is read into, if it isn't nil.
func (s *shop) do(method, path string, c call, status int, into any) http.Header {
	s.t.Helper()
	w := s.request(method, path, c)
	require.Equal(s.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	if into != nil {
		require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), into))
	}
	return w.Header()
}

func (s *shop) request(method, path string, c call) *httptest.ResponseRecorder {
	s.t.Helper()
	body, ok := c.body.(string)
	if c.body != nil && !ok {
		text, err := json.Marshal(c.body)
		require.NoError(s.t, err)
		body = string(text)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, bytes.NewBufferString(body))
	if c.who.ID != "" {
		token, err := auth.Signer{Key: s.key, Now: s.clock}.Sign(c.who)
		require.NoError(s.t, err)
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if c.key != "" {
		r.Header.Set("Idempotency-Key", c.key)
	}
	w := httptest.NewRecorder()
	s.service.HTTP.ServeHTTP(w, r)
	return w
}

// place places ann's order for three kinds of tea, under a key, and returns its id.
func (s *shop) place(key string) string {
	s.t.Helper()
	var answer struct{ ID, Status string }
	h := s.do("POST", "/orders", call{who: ann, key: key, body: teas(3)}, http.StatusAccepted, &answer)
	require.Equal(s.t, "placed", answer.Status)
	require.Equal(s.t, "/orders/"+answer.ID, h.Get("Location"))
	return answer.ID
}

func teas(n int) map[string]any {
	return map[string]any{"items": []map[string]any{{"sku": "tea", "quantity": n}, {"sku": "kettle", "quantity": 1}}}
}

// status requires an order's status and returns its reason.
func (s *shop) status(id, want string) string {
	s.t.Helper()
	var o struct{ Status, Reason string }
	s.do("GET", "/orders/"+id, call{who: ann}, http.StatusOK, &o)
	require.Equal(s.t, want, o.Status)
	var list struct {
		Orders []struct{ ID, Status, Reason string }
	}
	s.do("GET", "/orders", call{who: ann}, http.StatusOK, &list)
	for _, line := range list.Orders {
		if line.ID == id {
			require.Equal(s.t, []string{o.Status, o.Reason}, []string{line.Status, line.Reason}, "the view says something else")
			return o.Reason
		}
	}
	require.Fail(s.t, "the order isn't listed")
	return ""
}

// A catalog is the neighbour of that name.
type catalog struct {
	catalogpb.UnimplementedCatalogServer
	mu       sync.Mutex
	products map[string]*catalogpb.Money
	down     bool
}

func (c *catalog) GetProducts(_ context.Context, r *catalogpb.GetProductsRequest) (*catalogpb.GetProductsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return nil, status.Error(codes.Unavailable, "down")
	}
	var found catalogpb.GetProductsResponse
	for sku, price := range c.products {
		if slices.Contains(r.GetSkus(), sku) {
			found.Products = append(found.Products, &catalogpb.Product{Sku: sku, Price: price})
		}
	}
	return &found, nil
}

func (c *catalog) dial(t testing.TB) *grpc.ClientConn {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	catalogpb.RegisterCatalogServer(server, c)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (c *catalog) set(sku string, minor int64, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.products[sku], c.down = &catalogpb.Money{Minor: minor, Currency: "EUR"}, down
}

var errAway = errors.New("connection refused")

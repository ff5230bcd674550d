package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"warren.example/06-services/api/catalogpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/discovery"
	"warren.example/06-services/httpx"
	"warren.example/06-services/service"
)

// A fakeShop is the gateway with stand-ins for all other services. Each answers as the real one does, unless a test sets
// answers.
type fakeShop struct {
	handler  http.Handler
	registry *discovery.Static
	signer   auth.Signer
	now      func() time.Time
	products *grpc.Server

	mu       sync.Mutex
	asked    []request                   // all that were asked, in their order
	answers  map[string]http.HandlerFunc // by service
	observed map[string]int              // by name
}

// A request is what a service was asked.
type request struct {
	service, method, path, query, body string
	header                             http.Header
}

func newShop(t testing.TB, change ...func(*config.Gateway)) *fakeShop {
	t.Helper()
	s := &fakeShop{registry: discovery.NewStatic(), answers: map[string]http.HandlerFunc{}, observed: map[string]int{},
		now: time.Now}
	key, err := auth.NewKey()
	require.NoError(t, err)
	s.signer = auth.Signer{Key: key, Now: s.now}

	settings := config.Config{}
	settings.Gateway = config.Gateway{Rate: 10_000, Burst: 10_000, Wait: 5 * time.Second}
	for _, f := range change {
		f(&settings.Gateway)
	}
	for _, name := range Definition.Calls {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(name, w, r) }))
		t.Cleanup(server.Close)
		s.register(t, name, "http", server.Listener.Addr().String())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.products = grpc.NewServer()
	catalogpb.RegisterCatalogServer(s.products, fakeCatalog{})
	go s.products.Serve(listener) //nolint:errcheck // ends with Stop
	t.Cleanup(s.products.Stop)
	s.register(t, "catalog", "grpc", listener.Addr().String())

	base := discovery.Base(nil)
	t.Cleanup(base.CloseIdleConnections)
	log := slog.New(slog.DiscardHandler)
	observe := func(name string, _ float64, _ ...string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.observed[name]++
	}
	made, err := New(t.Context(), &service.Env{
		Name: "gateway", Config: settings, Log: log, Observe: observe, Now: s.now, Registry: s.registry,
		Verifier: auth.Fixed(key.Public(), s.now),
		HTTP:     &http.Client{Transport: discovery.Transport(s.registry, base)},
		Dial: func(name string) (*grpc.ClientConn, error) {
			conn, err := discovery.Dial(s.registry, name)
			if err == nil {
				t.Cleanup(func() { _ = conn.Close() })
			}
			return conn, err
		},
	})
	require.NoError(t, err)
	s.handler = httpx.Wrap(made.HTTP, httpx.Options{Log: log, Observe: observe})
	return s
}

func (s *fakeShop) register(t testing.TB, name, protocol, address string) {
	t.Helper()
	require.NoError(t, s.registry.Register(t.Context(), name, protocol, address))
}

// lose takes a service away: nobody listens at its address.
func (s *fakeShop) lose(t testing.TB, name, protocol string) {
	t.Helper()
	addresses, err := s.registry.Discover(t.Context(), name, protocol)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	s.register(t, name, protocol, listener.Addr().String())
	require.NoError(t, s.registry.Deregister(t.Context(), name, protocol, addresses[0]))
}

// let sets what a service answers.
func (s *fakeShop) let(service string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[service] = answer
}

func (s *fakeShop) serve(name string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, request{name, r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header})
	answer := s.answers[name]
	s.mu.Unlock()
	if answer == nil {
		answer = usual(name)
	}
	answer(w, r)
}

// requests returns what was asked so far, of one service or ("") of all.
func (s *fakeShop) requests(service string) (asked []request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if service == "" || r.service == service {
			asked = append(asked, r)
		}
	}
	return asked
}

func (s *fakeShop) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.observed[name]
}

// token returns an Authorization header.
func (s *fakeShop) token(t testing.TB, c auth.Customer) string {
	t.Helper()
	token, err := s.signer.Sign(c)
	require.NoError(t, err)
	return "Bearer " + token
}

// do asks the gateway. header are pairs.
func (s *fakeShop) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

type fakeCatalog struct {
	catalogpb.UnimplementedCatalogServer
}

func (fakeCatalog) GetProducts(_ context.Context, r *catalogpb.GetProductsRequest) (*catalogpb.GetProductsResponse, error) {
	answer := &catalogpb.GetProductsResponse{}
	for _, sku := range r.GetSkus() {
		answer.Products = append(answer.Products, &catalogpb.Product{Sku: sku, Title: "title of " + sku})
	}
	return answer, nil
}

const (
	someOrder = `{"id":"o1","customer":"c1","status":"confirmed","items":[{"sku":"mug","quantity":2,` +
		`"price":{"minor":899,"currency":"EUR"}}],"total":{"minor":1798,"currency":"EUR"},"placed_at":"2026-01-02T03:04:05Z"}`
	someProduct = `{"sku":"mug","title":"Mug","category":"kitchen","price":{"minor":899,"currency":"EUR"},"in_stock":true}`
	someUser    = `{"id":"c1","name":"Ann","email":"ann@example.org","interests":["kitchen"],"admin":false,"version":1}`
	someParcel  = `{"order":"o1","status":"sent","moves":[{"number":1,"status":"packed","at":"2026-01-02T03:04:06Z"}]}`
	someNews    = `{"deliveries":[{"about":"order.placed","channel":"mail","status":"sent","at":"2026-01-02T03:04:07Z"}]}`
	accepted    = `{"id":"o1","status":"placed"}`
)

// usual are the answers of services when all is well, as they have documented them.
func usual(service string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, body := http.StatusOK, ""
		switch service + " " + r.Method + " " + strings.NewReplacer("/mug", "/…", "/o1", "/…").Replace(r.URL.Path) {
		case "user POST /users":
			status, body = http.StatusCreated, `{"id":"c1"}`
		case "user POST /token":
			body = `{"access_token":"a","token_type":"Bearer","expires_in":900,"refresh_token":"r"}`
		case "user GET /keys":
			body = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"x","kid":"1"}]}`
		case "user GET /users/me", "user PUT /users/me":
			body = someUser
		case "catalog GET /products":
			body = `{"products":[` + someProduct + `],"next":"mug"}`
		case "catalog GET /products/…", "catalog PUT /products/…":
			body = someProduct
		case "catalog DELETE /products/…":
			w.WriteHeader(http.StatusNoContent)
			return
		case "inventory PUT /stock/…":
			body = `{"sku":"mug","available":5,"reserved":1,"version":3}`
		case "order GET /orders":
			body = `{"orders":[` + someOrder + `]}`
		case "order GET /orders/…":
			body = someOrder
		case "order GET /orders/…/events":
			body = `{"events":[{"version":1,"type":"placed","at":"2026-01-02T03:04:05Z","body":{"order":"o1"}}]}`
		case "order POST /orders", "order POST /orders/…/cancel", "order POST /orders/…/refund", "order POST /sagas/…/resume":
			w.Header().Set("Location", "/orders/o1")
			status, body = http.StatusAccepted, accepted
		case "order GET /sagas":
			body = `{"sagas":[{"key":"o1","order":"o1","state":"charging","asks":1,"failures":0,"overdue":false}]}`
		case "payment GET /payments/…":
			body = `{"order":"o1","state":"captured","amount":{"minor":1798,"currency":"EUR"},"refunds":null}`
		case "shipping GET /parcels/…":
			body = someParcel
		case "notification GET /deliveries":
			body = someNews
		case "notification POST /news":
			status, body = http.StatusAccepted, `{"kind":"offer","category":"kitchen","text":"cups"}`
		default:
			httpx.Fail(w, http.StatusNotFound, "there is nothing at this path")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

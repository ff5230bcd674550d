package shop_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
	"warren.example/06-services/shop"
	"warren.example/workshop/minirabbit"
)

// settings returns those of a shop in a folder of its own.
func settings(t *testing.T, more map[string]string) config.Config {
	t.Helper()
	environ := map[string]string{"SHOP_FOLDER": t.TempDir(), "SHOP_SAMPLES": "false", "SHOP_GATEWAY_LISTEN": "127.0.0.1:0"}
	for name, value := range more {
		environ[name] = value
	}
	c, err := config.Read(environ)
	require.NoError(t, err)
	return c
}

// start starts services and waits until they work.
func start(t *testing.T, c config.Config, all ...service.Definition) *shop.Shop {
	t.Helper()
	s, err := shop.Start(shop.Options{Config: c, All: all})
	require.NoError(t, err)
	ready(t, s)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func ready(t *testing.T, s *shop.Shop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, s.Ready(ctx))
}

func stop(t *testing.T, s *shop.Shop) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
}

// plain is a service that answers with a handler.
func plain(name string, handler http.HandlerFunc, calls ...string) service.Definition {
	return service.Definition{Name: name, Calls: calls, New: func(context.Context, *service.Env) (*service.Service, error) {
		return &service.Service{HTTP: handler}, nil
	}}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestUnknownServiceIsRefusedWithThoseThereAre(t *testing.T) {
	_, err := shop.Start(shop.Options{Config: settings(t, nil), Names: []string{"c"},
		All: []service.Definition{plain("a", nil), plain("b", nil)}})
	require.EqualError(t, err, `there is no service "c"; there are: a, b`)
}

func TestFolderServesOneShop(t *testing.T) {
	c := settings(t, nil)
	start(t, c, plain("a", nil))
	_, err := shop.Start(shop.Options{Config: c, All: []service.Definition{plain("a", nil)}})
	require.ErrorContains(t, err, "a runs already in "+c.Folder)
}

func TestHealthTellsHowFarAServiceIs(t *testing.T) {
	var there atomic.Bool // what New needs
	var works atomic.Bool // what Ready needs
	s, err := shop.Start(shop.Options{Config: settings(t, nil), All: []service.Definition{{Name: "a",
		New: func(context.Context, *service.Env) (*service.Service, error) {
			if !there.Load() {
				return nil, errors.New("not yet")
			}
			return &service.Service{Ready: func(context.Context) error {
				if !works.Load() {
					return errors.New("not now")
				}
				return nil
			}}, nil
		}}}})
	require.NoError(t, err)
	defer stop(t, s)
	check := func(status int, word string) {
		got, body := get(t, "http://"+s.Address("a")+"/health")
		var h shop.Health
		require.NoError(t, json.Unmarshal([]byte(body), &h))
		require.Equal(t, status, got)
		require.Equal(t, word, h.Status)
		require.NotZero(t, h.Timestamp)
		require.NotEmpty(t, h.Version)
	}
	check(503, "starting")
	status, _ := get(t, "http://"+s.Address("a")+"/else")
	require.Equal(t, 503, status)
	there.Store(true)
	ready(t, s)
	check(503, "unavailable")
	works.Store(true)
	check(200, "ok")
}

func TestPanicsHurtNobodyElse(t *testing.T) {
	runs := make(chan int, 10)
	var n int
	d := plain("a", func(http.ResponseWriter, *http.Request) { panic("oh") })
	d.New = func(context.Context, *service.Env) (*service.Service, error) {
		return &service.Service{
			HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }),
			Jobs: []service.Job{{Name: "panics", Run: func(ctx context.Context) error {
				n++
				runs <- n
				if n < 3 {
					panic("ah")
				}
				<-ctx.Done()
				return nil
			}}},
		}, nil
	}
	s := start(t, settings(t, nil), d)
	status, body := get(t, "http://"+s.Address("a")+"/")
	require.Equal(t, 500, status)
	require.NotContains(t, body, "oh")
	for want := 1; want <= 3; want++ {
		select {
		case got := <-runs:
			require.Equal(t, want, got)
		case <-time.After(30 * time.Second):
			require.FailNow(t, "the job was not started again")
		}
	}
}

func TestServiceMustBeWhatItsDefinitionSays(t *testing.T) {
	d := plain("inventory", nil) // handles none of its commands
	s, err := shop.Start(shop.Options{Config: settings(t, nil), All: []service.Definition{d}})
	require.NoError(t, err)
	select {
	case <-s.Ended():
	case <-time.After(30 * time.Second):
		require.FailNow(t, "it goes on")
	}
	err = s.Stop(t.Context())
	require.ErrorContains(t, err, "inventory gets stock.reserve, but Commands has no handler for it")
	require.ErrorContains(t, err, "inventory gets messages and has no store for an inbox")
}

// A request that is under way when the shop is told to stop is answered, and finds the services that it needs.
func TestStopFinishesRequests(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	front := service.Definition{Name: "front", Calls: []string{"back"},
		New: func(_ context.Context, env *service.Env) (*service.Service, error) {
			return &service.Service{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-goOn
				request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://back/", nil)
				if err != nil {
					return
				}
				answer, err := env.HTTP.Do(request)
				if err != nil {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				defer answer.Body.Close()
				w.WriteHeader(answer.StatusCode)
			})}, nil
		}}
	back := plain("back", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s, err := shop.Start(shop.Options{Config: settings(t, nil), All: []service.Definition{back, front}})
	require.NoError(t, err)
	ready(t, s)
	status := make(chan int)
	go func() {
		answer, err := http.Get("http://" + s.Address("front"))
		if err != nil {
			status <- 0
			return
		}
		answer.Body.Close()
		status <- answer.StatusCode
	}()
	<-entered
	stopped := make(chan struct{})
	go func() {
		stop(t, s)
		close(stopped)
	}()
	require.Eventually(t, func() bool { // no new ones
		_, err := http.Get("http://" + s.Address("front"))
		return err != nil
	}, 30*time.Second, 5*time.Millisecond)
	close(goOn)
	require.Equal(t, http.StatusTeapot, <-status)
	<-stopped
}

// With SHOP_MANAGEMENT_URL each service has a user of its own, which may do what the service needs, and nothing else.
func TestUsersMayDoNoMoreThanTheyNeed(t *testing.T) {
	broker := minirabbit.Run(t, minirabbit.WithManagement(""))
	c := settings(t, map[string]string{"WORKSHOP_AMQP_URL": broker.URL(), "SHOP_MANAGEMENT_URL": broker.ManagementURL()})
	shipping := plain("shipping", nil)
	urls, err := shop.BrokerURLs(c, shipping)
	require.NoError(t, err)
	require.NoError(t, shop.MakeUsers(t.Context(), c, shipping))
	conn, err := amqp.Dial(urls["shipping"][0])
	require.NoError(t, err)
	defer conn.Close()
	declare := func(queue string) error {
		channel, err := conn.Channel()
		require.NoError(t, err)
		_, err = channel.QueueDeclare(queue, true, false, false, false, nil)
		return err
	}
	require.NoError(t, declare("shipping.test"))
	var refused *amqp.Error
	require.ErrorAs(t, declare("payment.commands"), &refused)
	require.Equal(t, amqp.AccessRefused, refused.Code)
}

// caller is a service whose HTTP asks another by HTTP and by gRPC.
func caller(t *testing.T) service.Definition {
	return service.Definition{Name: "front", Calls: []string{"back"},
		New: func(_ context.Context, env *service.Env) (*service.Service, error) {
			conn, err := env.Dial("back")
			if err != nil {
				return nil, err
			}
			return &service.Service{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer, err := env.HTTP.Get("http://back/")
				if err != nil {
					t.Log(err)
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				defer answer.Body.Close()
				_, err = grpc_health_v1.NewHealthClient(conn).Check(r.Context(), &grpc_health_v1.HealthCheckRequest{})
				if err != nil {
					t.Log(err)
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				w.WriteHeader(answer.StatusCode)
			})}, nil
		}}
}

func callee() service.Definition {
	d := plain("back", nil)
	d.New = func(context.Context, *service.Env) (*service.Service, error) {
		return &service.Service{
			HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
			GRPC: func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, health.NewServer()) },
		}, nil
	}
	return d
}

func TestServicesFindEachOther(t *testing.T) {
	s := start(t, settings(t, nil), caller(t), callee())
	status, _ := get(t, "http://"+s.Address("front"))
	require.Equal(t, http.StatusTeapot, status)
}

package discovery

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/userpb"
)

// users is an instance of a gRPC service that answers with its name.
type users struct {
	userpb.UnimplementedUsersServer
	name string
}

func (u users) GetUser(context.Context, *userpb.GetUserRequest) (*userpb.User, error) {
	return &userpb.User{Name: u.name}, nil
}

func grpcInstance(t *testing.T, s *Static, name string, options ...grpc.ServerOption) (stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(options...)
	userpb.RegisterUsersServer(server, users{name: name})
	go server.Serve(listener) //nolint:errcheck // ends with Stop
	t.Cleanup(server.Stop)
	require.NoError(t, s.Register(t.Context(), "user", "grpc", listener.Addr().String()))
	return func() {
		require.NoError(t, s.Deregister(t.Context(), "user", "grpc", listener.Addr().String()))
		server.Stop()
	}
}

func dial(t *testing.T, s Registry, opts ...grpc.DialOption) userpb.UsersClient {
	t.Helper()
	conn, err := Dial(s, "user", opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return userpb.NewUsersClient(conn)
}

// names asks so often that everybody who is known answers.
func names(t *testing.T, c userpb.UsersClient) map[string]bool {
	found := map[string]bool{}
	for range 8 {
		u, err := c.GetUser(t.Context(), &userpb.GetUserRequest{})
		if err == nil {
			found[u.GetName()] = true
		}
	}
	return found
}

func TestDialFindsAllInstances(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("", func(t *testing.T) {
		s := NewStatic()
		c := dial(t, s)
		_, err := c.GetUser(t.Context(), &userpb.GetUserRequest{})
		require.Equal(t, codes.Unavailable, status.Code(err), "nobody is there yet")
		require.ErrorContains(t, err, "user")

		stop := grpcInstance(t, s, "a")
		seen := func(wanted ...string) {
			t.Helper()
			all := map[string]bool{}
			for _, name := range wanted {
				all[name] = true
			}
			require.EventuallyWithT(t, func(now *assert.CollectT) { require.Equal(now, all, names(t, c)) },
				20*time.Second, 10*time.Millisecond)
		}
		seen("a")
		grpcInstance(t, s, "b")
		stop()
		seen("b")
		grpcInstance(t, s, "c")
		seen("b", "c")
	})
}

func TestDialWithTLS(t *testing.T) {
	ca := newAuthority(t)
	s := NewStatic()
	grpcInstance(t, s, "a", grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "user")},
		ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13})))
	settings := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "gateway")}, RootCAs: ca.pool,
		MinVersion: tls.VersionTLS13}
	c := dial(t, s, grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	u, err := c.GetUser(t.Context(), &userpb.GetUserRequest{}, grpc.WaitForReady(true))
	require.NoError(t, err)
	require.Equal(t, "a", u.GetName())

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = dial(t, s).GetUser(ctx, &userpb.GetUserRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err), "without TLS")
}

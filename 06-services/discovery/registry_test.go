package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatic(t *testing.T) {
	ctx, s := t.Context(), NewStatic()
	_, err := s.Discover(ctx, "order", "http")
	require.ErrorIs(t, err, ErrNone)
	require.ErrorContains(t, err, "order")

	require.NoError(t, s.Register(ctx, "order", "http", "a:1"))
	require.NoError(t, s.Register(ctx, "order", "http", "b:1"))
	require.NoError(t, s.Register(ctx, "order", "http", "a:1"))
	require.NoError(t, s.Register(ctx, "order", "grpc", "a:2"))
	require.Error(t, s.Register(ctx, "", "http", "a:1"))
	require.Error(t, s.Register(ctx, "order", "http", ""))
	found, err := s.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Equal(t, []string{"a:1", "b:1"}, found)

	found[0] = "evil:1" // it is the caller's
	require.NoError(t, s.Deregister(ctx, "order", "http", "b:1"))
	require.NoError(t, s.Deregister(ctx, "order", "http", "c:1"))
	require.NoError(t, s.Deregister(ctx, "nobody", "http", "c:1"))
	found, err = s.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Equal(t, []string{"a:1"}, found)
	require.NoError(t, s.Deregister(ctx, "order", "http", "a:1"))
	_, err = s.Discover(ctx, "order", "http")
	require.ErrorIs(t, err, ErrNone)
}

func TestStaticIsSafe(t *testing.T) {
	ctx, s := t.Context(), NewStatic()
	require.NoError(t, s.Register(ctx, "order", "http", "always:1"))
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			mine := fmt.Sprintf("host%d:1", n)
			for range 200 {
				if s.Register(ctx, "order", "http", mine) != nil || s.Deregister(ctx, "order", "http", mine) != nil {
					t.Error("not registered")
				}
				found, err := s.Discover(ctx, "order", "http")
				if err != nil || !slices.Contains(found, "always:1") || slices.Contains(found, mine) {
					t.Errorf("found %v, %v", found, err)
				}
			}
		})
	}
	group.Wait()
}

func TestDNS(t *testing.T) {
	now := time.Unix(0, 0)
	var asked []string
	answer, failure := []string{"10.0.0.2", "10.0.0.1", "fd00::1"}, error(nil)
	d, err := NewDNS(DNSConfig{
		Host: "{service}.shop.svc", Ports: map[string]string{"http": "8080", "grpc": "9090"},
		Lookup: func(_ context.Context, host string) ([]string, error) {
			asked = append(asked, host)
			return slices.Clone(answer), failure
		},
		Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	ctx := t.Context()
	require.NoError(t, d.Register(ctx, "order", "http", "x:1"))
	require.NoError(t, d.Deregister(ctx, "order", "http", "x:1"))

	found, err := d.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"}, found, "sorted, whatever DNS does")
	found, err = d.Discover(ctx, "order", "grpc")
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1:9090", found[0])
	require.Equal(t, []string{"order.shop.svc"}, asked, "remembered")
	_, err = d.Discover(ctx, "order", "smtp")
	require.ErrorContains(t, err, "smtp")

	now = now.Add(6 * time.Second)
	answer = []string{"10.0.0.9"}
	found, err = d.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.9:8080"}, found, "asked again")

	now = now.Add(6 * time.Second)
	answer, failure = nil, errors.New("DNS is down")
	found, err = d.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.9:8080"}, found, "the last that it had")
	before := len(asked)
	_, err = d.Discover(ctx, "order", "http")
	require.NoError(t, err)
	require.Len(t, asked, before, "and DNS has a rest")

	_, err = d.Discover(ctx, "user", "http")
	require.ErrorIs(t, err, failure)
	require.ErrorContains(t, err, "user")
	failure = nil
	_, err = d.Discover(ctx, "user", "http")
	require.ErrorIs(t, err, ErrNone, "a name without addresses")

	_, err = NewDNS(DNSConfig{Host: "order"})
	require.Error(t, err)
}

func TestDNSWithTheRealResolver(t *testing.T) {
	d, err := NewDNS(DNSConfig{Host: "{service}", Ports: map[string]string{"http": "8080"}})
	require.NoError(t, err)
	found, err := d.Discover(t.Context(), "localhost", "http")
	require.NoError(t, err)
	require.Subset(t, []string{"127.0.0.1:8080", "[::1]:8080"}, found)
}

package catalog_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/money"
	"warren.example/06-services/services/catalog"
)

// envRedis names a Redis for tests, whose keys that begin with "catalog:" they may delete.
const envRedis = "WORKSHOP_REDIS_URL"

// TestCaches runs one suite on each cache.
func TestCaches(t *testing.T) {
	open := func(t *testing.T, url string) catalog.Cache {
		c, err := catalog.NewRedis(url, time.Minute)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		require.NoError(t, c.Clear(t.Context()))
		return c
	}
	for name, cache := range map[string]func(t *testing.T) catalog.Cache{
		"memory":    func(*testing.T) catalog.Cache { return catalog.NewMemory(1000, time.Minute, time.Now) },
		"miniredis": func(t *testing.T) catalog.Cache { return open(t, "redis://"+miniredis.RunT(t).Addr()) },
		"redis":     func(t *testing.T) catalog.Cache { return open(t, realRedis(t)) },
	} {
		t.Run(name, func(t *testing.T) { suite(t, cache(t)) })
	}
}

func tea(sku string, version int64) catalog.Product {
	return catalog.Product{SKU: sku, Title: "Tea, \"strong\"\n", Category: "tea", Price: money.Of(100*version, "EUR"),
		Version: version}
}

func suite(t *testing.T, c catalog.Cache) {
	ctx := t.Context()
	get := func(skus ...string) []catalog.Product {
		t.Helper()
		found, err := c.Get(ctx, skus)
		require.NoError(t, err)
		slices.SortFunc(found, func(a, b catalog.Product) int { return int(a.Version - b.Version) })
		return found
	}
	fill := func(products ...catalog.Product) {
		t.Helper()
		require.NoError(t, c.Fill(ctx, products))
	}
	drop := func(sku string, version int64) {
		t.Helper()
		require.NoError(t, c.Drop(ctx, sku, version))
	}

	require.Empty(t, get())
	require.Empty(t, get("a", "b"))
	fill()
	fill(tea("a", 1), tea("b", 2))
	require.Equal(t, []catalog.Product{tea("a", 1), tea("b", 2)}, get("a", "none", "b"))

	fill(tea("a", 3))
	require.Equal(t, []catalog.Product{tea("a", 3)}, get("a"))
	fill(tea("a", 2))
	require.Equal(t, []catalog.Product{tea("a", 3)}, get("a"), "a slow reader fills in nothing older")

	drop("a", 4)
	require.Empty(t, get("a"))
	fill(tea("a", 3))
	require.Empty(t, get("a"), "nor after a drop")
	fill(tea("a", 4))
	require.Equal(t, []catalog.Product{tea("a", 4)}, get("a"))
	drop("a", 4)
	require.Equal(t, []catalog.Product{tea("a", 4)}, get("a"), "the message comes after the product was read: it is the new one")
	drop("a", 2)
	require.Equal(t, []catalog.Product{tea("a", 4)}, get("a"), "an old message comes late")

	drop("c", 9) // what isn't there
	drop("c", 5)
	fill(tea("c", 8))
	require.Empty(t, get("c"))
	fill(tea("c", 10), tea("c", 100)) // 100 is more than 10, as texts it isn't
	fill(tea("c", 20))
	require.Equal(t, []catalog.Product{tea("c", 100)}, get("c"))

	require.NoError(t, c.Clear(ctx))
	require.Empty(t, get("a", "b", "c"))
	fill(tea("a", 1))
	require.Equal(t, []catalog.Product{tea("a", 1)}, get("a"))

	// Readers and changes at once: when all is over, what is there is the newest, or nothing.
	const newest = 50
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, i := range rand.Perm(newest) {
				if c.Fill(ctx, []catalog.Product{tea("d", int64(i+1))}) != nil || c.Drop(ctx, "d", int64(i+1)) != nil {
					t.Error("the cache fails")
				}
			}
		})
	}
	all.Wait()
	for _, p := range get("d") {
		require.Equal(t, tea("d", newest), p)
	}
	fill(tea("d", newest-1))
	for _, p := range get("d") {
		require.Equal(t, tea("d", newest), p)
	}
}

func TestMemoryForgets(t *testing.T) {
	now := time.Unix(0, 0)
	c := catalog.NewMemory(2, time.Minute, func() time.Time { return now })
	count := func(skus ...string) int {
		found, err := c.Get(t.Context(), skus)
		require.NoError(t, err)
		return len(found)
	}
	require.NoError(t, c.Fill(t.Context(), []catalog.Product{tea("a", 1), tea("b", 1)}))
	require.Equal(t, 1, count("a"))
	require.NoError(t, c.Fill(t.Context(), []catalog.Product{tea("c", 1)}))
	require.Equal(t, 2, count("a", "b", "c"))
	require.Equal(t, 0, count("b"), "it was longest not asked for")

	require.NoError(t, c.Drop(t.Context(), "a", 9))
	now = now.Add(time.Minute)
	require.Equal(t, 0, count("a", "b", "c"), "all have had their time")
	require.NoError(t, c.Fill(t.Context(), []catalog.Product{tea("a", 1)}))
	require.Equal(t, 1, count("a"), "so has the note of the drop")
}

func TestRedisForgets(t *testing.T) {
	server := miniredis.RunT(t)
	c, err := catalog.NewRedis("redis://"+server.Addr(), time.Minute)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Fill(t.Context(), []catalog.Product{tea("a", 1)}))
	require.NoError(t, c.Drop(t.Context(), "b", 1))
	require.Len(t, server.Keys(), 2)
	server.FastForward(time.Minute)
	require.Empty(t, server.Keys())

	require.NoError(t, server.Set("catalog:product:a", "what is this"))
	_, err = c.Get(t.Context(), []string{"a"})
	require.Error(t, err)
	server.Close()
	require.Error(t, c.Fill(t.Context(), []catalog.Product{tea("a", 1)}))
	require.Error(t, c.Drop(t.Context(), "a", 1))
	require.Error(t, c.Clear(t.Context()))
	_, err = c.Get(t.Context(), []string{"a"})
	require.Error(t, err)

	_, err = catalog.NewRedis("redis://user:secret@host:port", time.Minute)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}

// realRedis returns the URL of the Redis that WORKSHOP_REDIS_URL names, or of one that is started for this test.
func realRedis(t *testing.T) string {
	t.Helper()
	if url := os.Getenv(envRedis); url != "" {
		return url
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skipf("no Redis: redis-server is not on the PATH; or set %s", envRedis)
	}
	folder, err := os.MkdirTemp("", "warren-redis-") // t.TempDir's path may be too long for a socket
	require.NoError(t, err)
	socket := filepath.Join(folder, "redis.sock")
	// The shell ends Redis when its own input ends: that is a pipe of this process, so Redis ends with it however it ends.
	guard := exec.Command("/bin/sh", "-c", `"$@" </dev/null & read -r _; kill -9 $!; wait; rm -rf "$0"`, folder,
		program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder)
	lifeline, err := guard.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, guard.Start())
	t.Cleanup(func() {
		require.NoError(t, lifeline.Close())
		require.NoError(t, guard.Wait())
	})
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	defer client.Close()
	require.Eventually(t, func() bool { return client.Ping(t.Context()).Err() == nil }, 20*time.Second, 10*time.Millisecond)
	return "unix://" + socket
}

// address returns the URL of a miniredis.
func address(t *testing.T) string { return "redis://" + miniredis.RunT(t).Addr() }

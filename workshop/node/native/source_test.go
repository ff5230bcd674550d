//go:build unix

package native_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/broker/sourcetest"
	"warren.example/workshop/node"
	"warren.example/workshop/node/native"
	"warren.example/workshop/scratch"
)

// The pool is tested in this process, then, with the same nodes, through a supervisor.
func TestNativeNodesKeepThePromisesOfASource(t *testing.T) {
	pool := newPool(t, newDriver(t, native.Config{}))
	t.Run("InProcess", func(t *testing.T) { sourcetest.Run(t, pool) })
	t.Run("Supervised", func(t *testing.T) { sourcetest.Run(t, supervise(t, pool)) })
}

// A server in another root folder is a RabbitMQ 4 where this machine's is older.
func TestNodesInAnotherRootKeepThePromisesOfASource(t *testing.T) {
	sourcetest.Run(t, newPool(t, newDriver(t, native.Config{Root: otherRoot(t)})))
}

// otherRoot returns a root folder with a server in it, or skips.
func otherRoot(t *testing.T) string {
	t.Helper()
	const name = "WORKSHOP_TEST_RABBITMQ_ROOT"
	root := os.Getenv(name)
	if root == "" {
		t.Skipf("needs a root folder with another RabbitMQ in it: set %s (.ci/run makes one by debootstrap)", name)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to change the root folder")
	}
	return root
}

// newDriver returns a driver until the end of the test, or skips.
func newDriver(t *testing.T, cfg native.Config) *native.Driver {
	t.Helper()
	driver, err := native.New(cfg)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	return driver
}

func newPool(t *testing.T, driver node.Driver) *node.Pool {
	t.Helper()
	pool, err := node.NewPool(t.Context(), node.PoolConfig{
		Driver:   driver,
		Dir:      t.TempDir(),
		Progress: func(line string) { t.Log(line) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// supervise serves a pool until the end of the test and returns what another process would see of it.
func supervise(t *testing.T, pool *node.Pool) broker.Source {
	t.Helper()
	t.Setenv(scratch.EnvDir, t.TempDir())
	ended := make(chan error, 1)
	go func() { ended <- node.Supervise(t.Context(), node.Config{Source: pool}) }()
	var remote *broker.Remote
	require.Eventually(t, func() bool {
		var err error
		remote, err = broker.Up(t.Context())
		return err == nil
	}, patience, pollEvery)
	t.Cleanup(func() {
		require.NoError(t, remote.Close())
		require.NoError(t, <-ended)
	})
	return remote
}

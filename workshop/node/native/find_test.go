//go:build unix

package native_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/node/native"
)

func TestAServerIsFoundByTheEnvironment(t *testing.T) {
	home := fakeServer(t, "exit 1")
	require.NoError(t, os.Mkdir(filepath.Join(home, "plugins", "rabbitmq_stream-9.9.9"), 0o755))
	t.Setenv(native.EnvHome, home)
	driver, err := native.New(native.Config{})
	require.NoError(t, err)
	version, err := driver.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, "9.9.9", version)
	require.Equal(t, "native", driver.Name())
	require.True(t, driver.Has(broker.Breakable))
	require.True(t, driver.Has(broker.Streams))
	require.False(t, driver.Has(broker.Management), "its plugin is not installed")
	require.False(t, driver.Has(broker.Clock))
}

func TestAServerIsFoundInPATH(t *testing.T) {
	home := fakeServer(t, "exit 1")
	links := t.TempDir()
	script := filepath.Join(home, "sbin", "rabbitmq-server")
	require.NoError(t, os.Symlink(script, filepath.Join(links, "rabbitmq-server")))
	t.Setenv("PATH", links)
	t.Setenv(native.EnvHome, "")
	_, err := native.New(native.Config{})
	require.NoError(t, err)
}

func TestAFolderWithoutAServerIsRefused(t *testing.T) {
	t.Parallel()
	_, err := native.New(native.Config{Home: t.TempDir()})
	require.ErrorIs(t, err, native.ErrNotInstalled)
	require.ErrorContains(t, err, native.EnvHome)
}

func TestARootWithoutAServerIsRefused(t *testing.T) {
	t.Parallel()
	_, err := native.New(native.Config{Root: t.TempDir()})
	require.ErrorContains(t, err, native.EnvRoot)
}

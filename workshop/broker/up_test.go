package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/scratch"
)

// leave writes a state file as a supervisor at an address would, and returns its path. It sets the environment, so these
// tests don't run in parallel. Package node tests what a living supervisor does.
func leave(t *testing.T, address string) string {
	t.Helper()
	t.Setenv(scratch.EnvDir, t.TempDir())
	host, err := os.Hostname()
	require.NoError(t, err)
	require.NoError(t, broker.State{PID: os.Getpid(), Host: host, Address: address, Token: "token"}.Write())
	file, err := broker.StateFile()
	require.NoError(t, err)
	require.FileExists(t, file)
	return file
}

func TestAStateFileOfADeadSupervisorIsRemoved(t *testing.T) {
	file := leave(t, "127.0.0.1:1") // a port that is nobody's, and that the system never gives to anybody
	_, err := broker.Up(t.Context())
	require.ErrorIs(t, err, broker.ErrNone)
	require.NoFileExists(t, file)
}

// The address may have become another program's.
func TestAStateFileThatLeadsToAnotherProgramIsRemoved(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"a web page":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") },
		"another JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") },
		"not found":    http.NotFound,
		"another supervisor": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":"wrong token"}`, http.StatusUnauthorized)
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			file := leave(t, strings.TrimPrefix(server.URL, "http://"))
			_, err := broker.Up(t.Context())
			require.ErrorIs(t, err, broker.ErrNone)
			require.NoFileExists(t, file)
		})
	}
}

// In a folder that is shared with a container, the address leads nowhere there, but the supervisor lives.
func TestAStateFileOfAnotherMachineIsLeft(t *testing.T) {
	file := leave(t, "127.0.0.1:1")
	state, err := broker.ReadState()
	require.NoError(t, err)
	state.Host = "another-machine"
	require.NoError(t, state.Write())
	_, err = broker.Up(t.Context())
	require.ErrorIs(t, err, broker.ErrNone)
	require.FileExists(t, file)
}

func TestABrokenStateFileIsReported(t *testing.T) {
	file := leave(t, "127.0.0.1:1")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := broker.Up(t.Context())
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, "delete the file")
}

func TestAStateFileWithAnUnusableAddressIsReported(t *testing.T) {
	for _, address := range []string{"%zz", "", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999", "%zz:1"} {
		file := leave(t, address)
		_, err := broker.Up(t.Context())
		require.ErrorContains(t, err, file, address)
		require.ErrorContains(t, err, "delete the file", address)
	}
}

func TestOnlyItsOwnStateIsRemoved(t *testing.T) {
	file := leave(t, "127.0.0.1:1")
	require.NoError(t, broker.State{Token: "an older one's"}.Remove())
	require.FileExists(t, file)
	state, err := broker.ReadState()
	require.NoError(t, err)
	require.True(t, state.IsCurrent())
	require.NoError(t, state.Remove())
	require.NoError(t, state.Remove())
	require.NoFileExists(t, file)
	require.False(t, state.IsCurrent())
}

func TestWhoStopsAskingIsToldSo(t *testing.T) {
	file := leave(t, "127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := broker.Up(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.FileExists(t, file, "that nobody was asked proves nothing")
}

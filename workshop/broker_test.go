package main_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

func TestABrokerThatDoesNotServeIsSaid(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its queue: nobody accepts them
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	course := filepath.Join(t.TempDir(), "course")
	require.NoError(t, os.CopyFS(course, os.DirFS("testdata/course")))

	for name, c := range map[string]struct{ url, says string }{
		"a port that never answers": {"amqp://guest:guest@" + silent.Addr().String() + "/", "answer"},
		"a dead port":               {"amqp://guest:guest@127.0.0.1:1/", "127.0.0.1:1"},
		"not a URL":                 {"localhost", "amqp://user:password@host:5672/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, "check", "01/1")
			cmd.Dir = course
			cmd.Env = append(os.Environ(), "PWD="+course, broker.EnvBroker+"=", broker.EnvAMQP+"="+c.url)
			out, err := cmd.CombinedOutput()
			require.NoError(t, ctx.Err(), "it waits for ever")
			require.Error(t, err)
			require.Equal(t, 1, cmd.ProcessState.ExitCode())
			require.Contains(t, string(out), broker.EnvAMQP)
			require.Contains(t, string(out), c.says)
			require.NotContains(t, string(out), "guest:guest")
		})
	}
}

package failpoint_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/failpoint"
)

// TestMain runs the tests, or a program that comes to the places "a", "b", "b", "b" and says so.
func TestMain(m *testing.M) {
	if os.Getenv(failpoint.Env) == "" {
		os.Exit(m.Run())
	}
	for _, place := range []string{"a", "b", "b", "b"} {
		failpoint.Reach(place)
		fmt.Println(place)
	}
}

func program(settings ...string) (*exec.Cmd, *strings.Builder) {
	cmd, out := exec.Command(os.Args[0]), &strings.Builder{}
	cmd.Env, cmd.Stdout = append(os.Environ(), settings...), out
	return cmd, out
}

func TestReachKills(t *testing.T) {
	for setting, said := range map[string]string{"a": "", "b": "a", "b:2": "a b"} {
		cmd, out := program(failpoint.Env + "=" + setting)
		require.Error(t, cmd.Run(), setting)
		require.Equal(t, said, strings.Join(strings.Fields(out.String()), " "), setting)
	}
	for _, setting := range []string{"c", "b:4", "b:x", "b:0"} {
		cmd, out := program(failpoint.Env + "=" + setting)
		require.NoError(t, cmd.Run(), setting)
		require.Equal(t, "a b b b", strings.Join(strings.Fields(out.String()), " "), setting)
	}
}

func TestReachWaitsForAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "here")
	cmd, out := program(failpoint.Env+"=b:2", failpoint.EnvFile+"="+file)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return os.Remove(file) == nil }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Wait())
	require.Equal(t, "a b b b", strings.Join(strings.Fields(out.String()), " "))
}

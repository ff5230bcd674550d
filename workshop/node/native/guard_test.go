//go:build unix

package native

import (
	"bufio"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// While a node is paused, the death of its owner brings the guard a SIGHUP before it can see the end of its input.
func TestAGuardOutlivesAHangUp(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", "/bin/sh", "-c", "echo ready; sleep 1000")
	inOwnGroup(cmd)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer killGroup(cmd.Process.Pid)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)

	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	require.NoError(t, stdin.Close())
	require.Error(t, cmd.Wait())
	require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), "it killed its group, itself too")
}

func TestAGuardEndsWithItsProgram(t *testing.T) {
	t.Parallel()
	g, err := startGuard(command{args: []string{"true"}}, "/dev/null")
	require.NoError(t, err)
	<-g.ended
	g.kill() // once more is fine
}

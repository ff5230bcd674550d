package scratch_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/scratch"
)

// envHold makes this test binary a process that holds the lock of a file until it is killed.
const envHold = "WORKSHOP_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(envHold)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := scratch.Lock(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent is gone, at the latest
}

func TestALockIsHeldOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := scratch.Lock(path)
	require.NoError(t, err)
	_, err = scratch.Lock(path)
	require.ErrorIs(t, err, scratch.ErrLocked)
	require.NoError(t, held.Unlock())
	held, err = scratch.Lock(path)
	require.NoError(t, err)
	require.NoError(t, held.Unlock())
}

func TestAKilledProcessHoldsNoLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envHold+"="+path)
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	_, err = scratch.Lock(path)
	require.ErrorIs(t, err, scratch.ErrLocked)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	held, err := scratch.Lock(path)
	require.NoError(t, err)
	require.NoError(t, held.Unlock())
}

func TestWhoWaitsGetsTheLockWhenItIsFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := scratch.Lock(path)
	require.NoError(t, err)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = scratch.LockWait(impatient, path)
	require.ErrorIs(t, err, scratch.ErrLocked)
	require.ErrorIs(t, err, context.Canceled)

	got := make(chan error, 1)
	go func() {
		next, err := scratch.LockWait(t.Context(), path)
		if err == nil {
			err = next.Unlock()
		}
		got <- err
	}()
	require.NoError(t, held.Unlock())
	require.NoError(t, <-got)
}

package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
)

// envClient makes this test binary a client that leases two brokers and holds them until it is killed.
const envClient = "WORKSHOP_TEST_CLIENT"

func beClient() {
	ctx := context.Background()
	remote, err := broker.Up(ctx)
	for _, r := range []broker.Request{{}, {Kind: broker.Own, For: "a client"}} {
		if err == nil {
			_, err = remote.Lease(ctx, r)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent is gone, at the latest
	os.Exit(0)
}

// startClient starts a client. The test kills it.
func startClient(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envClient+"=1")
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd
}

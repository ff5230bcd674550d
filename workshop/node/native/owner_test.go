//go:build unix

package native_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker"
	"warren.example/workshop/node"
	"warren.example/workshop/node/native"
)

// This test binary plays the owner of nodes when envRole is set: it starts them in the folder envFolder, says "ready", and
// holds them until it is killed.
const (
	envRole   = "WORKSHOP_TEST_ROLE"
	envFolder = "WORKSHOP_TEST_FOLDER"
)

// The roles.
const (
	serving  = "serving"    // its node serves
	paused   = "paused"     // its node is paused
	starting = "starting"   // it is killed while its node starts
	twoNodes = "two nodes"  // it has a cluster
	upper    = "supervisor" // it is what `workshop up` starts
)

func play(role string) {
	if err := own(role, os.Getenv(envFolder)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func own(role, folder string) error {
	ctx := context.Background()
	driver, err := native.New(native.Config{})
	if err != nil {
		return err
	}
	ready := func() { fmt.Println("ready") }
	if role == upper {
		pool, err := node.NewPool(ctx, node.PoolConfig{Driver: driver})
		if err != nil {
			return err
		}
		return node.Supervise(ctx, node.Config{Source: pool})
	}
	spec := node.Spec{Name: "owned", Dir: folder}
	switch role {
	case starting:
		spec.Progress = func(line string) {
			if strings.HasPrefix(line, "waiting") {
				ready()
			}
		}
	case twoNodes:
		spec.Nodes = 2
	}
	group, err := driver.Start(ctx, spec)
	if err == nil && role == paused {
		err = group.Nodes()[0].Pause(ctx)
	}
	if err != nil {
		return err
	}
	ready()
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent is gone, at the latest
	return err
}

// An owner is a process that owns nodes.
type owner struct {
	cmd    *exec.Cmd
	folder string // what belongs to its nodes has this folder in its environment
}

// startOwner starts an owner; change may change how, and be nil.
func startOwner(t *testing.T, role string, change func(*exec.Cmd)) *owner {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("needs /proc to see what processes are left")
	}
	if _, err := native.New(native.Config{}); err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	o := &owner{cmd: exec.Command(self), folder: filepath.Join(t.TempDir(), "a folder")}
	o.cmd.Env = append(os.Environ(), envRole+"="+role, envFolder+"="+o.folder)
	o.cmd.Stderr = os.Stderr
	if change != nil {
		change(o.cmd)
	}
	_, err = o.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := o.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, o.cmd.Start())
	t.Cleanup(o.kill)
	if role == upper {
		return o
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return o
}

// kill ends the owner as kill -9 does.
func (o *owner) kill() {
	_ = o.cmd.Process.Kill() // it may be dead
	_ = o.cmd.Wait()
}

// requireProcesses waits until no process belongs to a folder any more, or, if some is true, wants that some do, the
// virtual machine and the port mapper among them.
func requireProcesses(t *testing.T, folder string, some bool) {
	t.Helper()
	if some {
		names := strings.Join(processes(folder), " ")
		require.Contains(t, names, "beam")
		require.Contains(t, names, "epmd")
		return
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, processes(folder), "still running")
	}, patience, pollEvery)
}

// mounts returns what is mounted below a folder.
func mounts(t *testing.T, folder string) []string {
	t.Helper()
	all, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	var below []string
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, folder) {
			below = append(below, line)
		}
	}
	return below
}

// processes returns the names of the processes that have a folder in their environment: a node's children inherit it, also
// those that have left its process group.
func processes(folder string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var names []string
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		environment, err := os.ReadFile(file)
		if err != nil || pid == os.Getpid() || !strings.Contains(string(environment), "WORKSHOP_NODES="+folder) {
			continue // others', or gone
		}
		name, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "comm"))
		names = append(names, strings.TrimSpace(string(name)))
	}
	return names
}

func TestNothingIsLeftWhenTheOwnerIsKilled(t *testing.T) {
	t.Parallel()
	for _, role := range []string{serving, paused, starting, twoNodes} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			o := startOwner(t, role, nil)
			requireProcesses(t, o.folder, true)
			o.kill()
			requireProcesses(t, o.folder, false)
		})
	}
	t.Run("in another root", func(t *testing.T) {
		t.Parallel()
		root := otherRoot(t)
		before := mounts(t, root) // somebody else's
		o := startOwner(t, serving, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, native.EnvRoot+"="+root)
		})
		requireProcesses(t, o.folder, true)
		o.kill()
		requireProcesses(t, o.folder, false)
		require.Equal(t, before, mounts(t, root))
	})
}

func TestANodeNeedsNoPrivileges(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else; all other tests ran without privileges")
	}
	const nobody = 65534
	self, err := os.Executable()
	require.NoError(t, err)
	o := startOwner(t, serving, func(cmd *exec.Cmd) {
		home := filepath.Dir(folderOf(cmd))
		require.NoError(t, os.Chown(home, nobody, nobody))
		require.NoError(t, os.Chmod(filepath.Dir(home), 0o755)) // the test's, above
		// The folder in which go test put this binary is closed to others.
		cmd.Path = filepath.Join(home, "owner")
		require.NoError(t, copyFile(cmd.Path, self))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Dir = home
	})
	info, err := os.Stat(o.folder)
	require.NoError(t, err)
	require.EqualValues(t, nobody, info.Sys().(*syscall.Stat_t).Uid)
	o.kill()
	requireProcesses(t, o.folder, false)
}

// folderOf returns the folder that an owner is told to use.
func folderOf(cmd *exec.Cmd) string {
	for _, variable := range cmd.Env {
		if folder, ok := strings.CutPrefix(variable, envFolder+"="); ok {
			return folder
		}
	}
	return ""
}

func copyFile(to, from string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o755)
}

// The supervisor's death is the end of its nodes, also of one that a client is using, and of its state file.
func TestNothingIsLeftWhenTheSupervisorIsKilled(t *testing.T) {
	t.Setenv("WORKSHOP_SCRATCH", t.TempDir())
	scratchDir, err := filepath.EvalSymlinks(os.Getenv("WORKSHOP_SCRATCH"))
	require.NoError(t, err)
	o := startOwner(t, upper, nil)
	var remote *broker.Remote
	require.Eventually(t, func() bool {
		var err error
		remote, err = broker.Up(t.Context())
		return err == nil
	}, patience, pollEvery)
	defer remote.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lease, err := remote.Lease(ctx, broker.Request{Kind: broker.Own})
	require.NoError(t, err)
	requireProcesses(t, scratchDir, true)

	o.kill()
	requireProcesses(t, scratchDir, false)
	for _, info := range []broker.Info{lease.Nodes()[0].Info()} {
		_, err := broker.Probe(ctx, info.AMQP)
		require.ErrorContains(t, err, "nothing listens")
	}
	require.Error(t, lease.Nodes()[0].Kill(ctx))
	file, err := broker.StateFile()
	require.NoError(t, err)
	require.FileExists(t, file)
	_, err = broker.Up(ctx)
	require.ErrorIs(t, err, broker.ErrNone)
	_, err = os.Stat(file)
	require.True(t, errors.Is(err, fs.ErrNotExist), "a stale state file is removed")
}

package docker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker/sourcetest"
	"warren.example/workshop/node"
	"warren.example/workshop/node/docker"
)

// patience is the deadline of everything here: a container with RabbitMQ takes some seconds on an idle machine.
const patience = 8 * time.Minute

// image returns the image to test with, or skips. .ci/run makes one from a Debian tree, since no registry may be near.
func image(t *testing.T) string {
	t.Helper()
	name := os.Getenv("WORKSHOP_TEST_RABBITMQ_IMAGE")
	if name == "" {
		t.Skip("needs an image of RabbitMQ 4: set WORKSHOP_TEST_RABBITMQ_IMAGE (.ci/run makes one)")
	}
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("needs a Docker engine: %s", out)
	}
	return name
}

// start returns a driver and a context with a deadline.
func start(t *testing.T) (context.Context, *docker.Driver) {
	t.Helper()
	name := image(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	driver, err := docker.New(ctx, docker.Config{Image: name, Progress: logTo(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, driver.Close()) })
	return ctx, driver
}

func logTo(t *testing.T) func(string) { return func(line string) { t.Log(line) } }

// groupName is unique on this machine and says which test it belongs to.
func groupName(t *testing.T) string {
	return fmt.Sprintf("%s-%d", strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), os.Getpid())
}

func TestContainersKeepThePromisesOfASource(t *testing.T) {
	t.Parallel()
	ctx, driver := start(t)
	pool, err := node.NewPool(ctx, node.PoolConfig{Driver: driver, Dir: t.TempDir(), Progress: logTo(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	require.Contains(t, pool.Name(), "(docker)")
	require.True(t, strings.HasPrefix(pool.Version(), "4."), "version %s", pool.Version())
	sourcetest.Run(t, pool)
}

func TestAMissingEngineIsFoundOut(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	_, err := docker.New(t.Context(), docker.Config{})
	require.ErrorIs(t, err, docker.ErrNoEngine)
}

func TestAMissingImageIsFoundOut(t *testing.T) {
	t.Parallel()
	image(t) // for its skips
	_, err := docker.New(t.Context(), docker.Config{Image: "registry.invalid/rabbitmq:none"})
	require.ErrorIs(t, err, docker.ErrNoImage)
	require.ErrorContains(t, err, "registry.invalid/rabbitmq:none")
}

func TestAnImageWithoutRabbitMQIsRefused(t *testing.T) {
	t.Parallel()
	image(t)
	// An empty image: docker can import one from an empty archive, without any registry.
	name := "warren-empty:" + fmt.Sprint(os.Getpid())
	cmd := exec.Command("docker", "import", "-", name)
	cmd.Stdin = strings.NewReader(strings.Repeat("\x00", 1024))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { exec.Command("docker", "image", "rm", name).Run() })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	driver, err := docker.New(ctx, docker.Config{Image: name})
	require.NoError(t, err)
	defer driver.Close()
	_, err = driver.Version(ctx)
	require.ErrorContains(t, err, "no RabbitMQ found")
}

func TestACancelledStartLeavesNoContainer(t *testing.T) {
	t.Parallel()
	_, driver := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	name := groupName(t)
	_, err := driver.Start(ctx, node.Spec{Name: name, Progress: func(string) { cancel() }})
	cancel()
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, containersOf(t, name))
}

func TestAKilledParentLeavesNoContainer(t *testing.T) {
	t.Parallel()
	name := groupName(t)
	parent := startParent(t, name)
	require.NotEmpty(t, containersOf(t, name))
	require.NoError(t, parent.Process.Kill())
	parent.Wait()
	require.Eventually(t, func() bool { return len(containersOf(t, name)) == 0 }, patience, 100*time.Millisecond)
}

func TestASuccessorRemovesWhatAKilledChildLeft(t *testing.T) {
	t.Parallel()
	name := groupName(t)
	parent := startParent(t, name)
	// Kill the program that talks to Docker, then its parent: nobody is left to tidy up.
	out, err := exec.Command("pkill", "-KILL", "-P", fmt.Sprint(parent.Process.Pid)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, parent.Process.Kill())
	parent.Wait()
	require.NotEmpty(t, containersOf(t, name))

	start(t)
	require.Empty(t, containersOf(t, name))
}

// containersOf returns the containers whose host name begins with the group's name.
func containersOf(t *testing.T, group string) []string {
	t.Helper()
	ids, err := exec.Command("docker", "ps", "-aq", "--filter", "label=example.warren.owner").Output()
	require.NoError(t, err)
	var found []string
	for _, id := range strings.Fields(string(ids)) {
		host, err := exec.Command("docker", "inspect", "--format", "{{.Config.Hostname}}", id).Output()
		if err == nil && strings.HasPrefix(string(host), group+"-") {
			found = append(found, id)
		}
	}
	return found
}

// parentVariable makes the test binary a parent that starts a group and waits to be killed.
const parentVariable = "WORKSHOP_TEST_DOCKER_PARENT"

// startParent starts this test binary as a parent and returns when its group serves.
func startParent(t *testing.T, group string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentVariable+"="+group, "WORKSHOP_RABBITMQ_IMAGE="+image(t))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line := make([]byte, len("ready"))
	_, err = stdout.Read(line)
	require.NoError(t, err, "the parent ended before its group served")
	require.Equal(t, "ready", string(line))
	return cmd
}

func TestMain(m *testing.M) {
	group := os.Getenv(parentVariable)
	if group == "" {
		os.Exit(m.Run())
	}
	if err := beParent(group); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beParent(group string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	driver, err := docker.New(ctx, docker.Config{})
	if err != nil {
		return err
	}
	started, err := driver.Start(ctx, node.Spec{Name: group})
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(started.Nodes()[0].Info().AMQP)
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Print("ready")
	<-ctx.Done()
	return ctx.Err()
}

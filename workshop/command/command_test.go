package command

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestNearestFindsTypingErrorsOnly(t *testing.T) {
	t.Parallel()
	known := []string{"start", "status", "up", "01/1", "01/2"}
	for typed, want := range map[string]string{
		"strat": "start", "START": "start", "statu": "status", "1/2": "01/2", "01-1": "01/1",
		"": "", "x": "", "qq": "", "upgrade": "", "77/7": "",
	} {
		got, ok := nearest(typed, known)
		require.Equal(t, want, got, "%q", typed)
		require.Equal(t, want != "", ok, "%q", typed)
	}
}

func TestEverythingCanBeReachedByHelp(t *testing.T) {
	t.Parallel()
	root := newRoot(newConsole(nil, &bytes.Buffer{}, &bytes.Buffer{}))
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		var out bytes.Buffer
		require.Zero(t, Run(t.Context(), []string{cmd.Name(), "--help"}, nil, &out, &out), cmd.Name())
		require.True(t, strings.HasPrefix(out.String(), capital(cmd.Short)), cmd.Name())
		require.Contains(t, out.String(), "go run ./workshop "+cmd.Use)
		require.NotEmpty(t, cmd.GroupID, "%s is in no group", cmd.Name())
		require.NotContains(t, cmd.Short, ".", "%s: a short text is not a sentence", cmd.Name())
	}
}

func TestAnEndedContextIsAnInterruption(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said bytes.Buffer
	c := newConsole(nil, &said, &said)
	require.Equal(t, exitInterrupted, c.report(ctx, &cobra.Command{}, context.Canceled))
	require.Equal(t, "\ninterrupted\n", said.String())
	require.Equal(t, exitFine, c.report(ctx, &cobra.Command{}, nil), "it had finished before")
	require.Equal(t, 7, c.report(ctx, &cobra.Command{}, exitError{7}))
}

func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	require.Equal(t, "amqp://admin:xxxxx@host:5672/", withoutPassword("amqp://admin:secret@host:5672/"))
	require.NotContains(t, withoutPassword("amqp://admin:sec%ret@host"), "ret")
	plain, user := splitUser("http://guest:guest@127.0.0.1:15672")
	require.Equal(t, "http://127.0.0.1:15672", plain)
	require.Equal(t, "user guest, password guest", user)
}

func TestModulesAreSpelledAsInTheCache(t *testing.T) {
	t.Parallel()
	require.Equal(t, "github.com/!azure/x/@v/v1.0.0.zip", strings.ReplaceAll(escapeModule("github.com/Azure/x/@v/v1.0.0.zip"), `\`, "/"))
}

func TestAQuestionWithoutAnAnswerIsNo(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"": false, "n\n": false, "yes\n": true, "Y\r\n": true, "maybe\n": false} {
		c := newConsole(strings.NewReader(answer), &bytes.Buffer{}, &bytes.Buffer{})
		got, err := c.ask(t.Context(), "Really?")
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", answer)
	}
}

func TestAProgramThatASignalEndedHasTheShellsExitCode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	c := newConsole(nil, &bytes.Buffer{}, &bytes.Buffer{})
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143, "kill -KILL $$": 137} {
		code, err := c.runThrough(t.Context(), []string{"sh", "-c", script}, nil)
		require.NoError(t, err)
		require.Equal(t, want, code, script)
	}
	_, err := c.runThrough(t.Context(), []string{"no-such-program"}, nil)
	require.ErrorIs(t, err, exec.ErrNotFound)
}

func TestAProgramEndsWithItsChildrenWhenTheCommandIsInterrupted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs process groups")
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &notify{onWrite: cancel}
	c := newConsole(nil, out, out)
	// As `go run` does, the shell waits for its child and ends with it.
	code, err := c.runThrough(ctx, []string{"sh", "-c", "trap : INT; sh -c 'echo ready; while :; do sleep 0.05; done'; exit 3"}, nil)
	require.NoError(t, err)
	require.Equal(t, 3, code)
}

// notify calls a function when something is written.
type notify struct{ onWrite func() }

func (n *notify) Write(text []byte) (int, error) {
	n.onWrite()
	return len(text), nil
}

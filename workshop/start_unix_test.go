//go:build !windows

package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/scratch"
)

func TestRedTurnsGreen(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t, []string{"start"}, screen{})
	s.expect("set-up, once", "Red on purpose", "greet.go:7", "q quit")
	require.NotEqual(t, s.before, s.mode(), "single keys are read in another mode")

	s.press("h")
	s.expect("1 of 3  Nudge")
	s.press("h")
	s.expect("2 of 3  Idea")
	s.press("l")
	s.expect("2 hints seen", "02/1 wait")
	s.press("s")
	s.expect("Show the solution?")
	s.press("x")
	s.expect("q quit")
	s.press("n")
	s.expect("n once more leaves it for later")
	s.press("\x1b[A\x1bOq") // an arrow, and a key of the keypad: no key of ours
	s.press("r")
	s.expect("judging greet.go", "Red on purpose")

	s.saveByRename("01-first/1-greet/greet.go", "solutions/01-first/1-greet/mistakes/nameless/greet.go")
	s.expect("1 of 2 · red", "saw", "Greet(Ada) = Hello.", "want", "q quit")
	s.saveInPlace("01-first/1-greet/greet.go", "solutions/01-first/1-greet/greet.go")
	s.expect("2 of 2 · green", "n", "next: 01/2 double, 5 min", "s compare")
	s.press("s")
	s.expect("Yours and ours are the same.")
	s.press("n")
	s.expect("01/2 double", "Red on purpose", "double.go:6")
	s.saveInPlace("01-first/2-double/double.go", "solutions/01-first/2-double/double.go")
	s.expect("1 of 1 · green", "01-first finished · 2 of 2", "next: 02/1 wait")

	s.press("q")
	require.Equal(t, 0, s.wait())
	require.Equal(t, s.before, s.mode(), "the terminal is as it was")
}

func TestSavesAreFoundByLooking(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t, []string{"start", "--poll", "01/2"}, screen{})
	s.expect("01/2 double", "Red on purpose", "I look for saves every 300ms")
	s.saveByRename("01-first/2-double/double.go", "solutions/01-first/2-double/double.go")
	s.expect("1 of 1 · green")
	s.press("q")
	require.Equal(t, 0, s.wait())
}

// blocking is learner's code that calls the test and then never returns.
const blocking = `package double

import "net"

func Double(n int) (int, error) {
	conn, err := net.Dial("tcp", "ADDRESS")
	if err != nil {
		return 0, err
	}
	_, err = conn.Read(make([]byte, 1))
	return 0, err
}
`

func TestNothingIsLeftRunning(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		end  func(s *session)
		code int
	}{
		"after Ctrl-C":   {func(s *session) { s.press("\x03") }, 130},
		"after q":        {func(s *session) { s.press("q") }, 0},
		"after SIGTERM":  {func(s *session) { s.signal(syscall.SIGTERM) }, 130},
		"after a hangup": {func(s *session) { s.signal(syscall.SIGHUP) }, 130},
	}
	for name, way := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := listen(t)
			s := startInTerminal(t, []string{"start", "01/2"}, screen{})
			s.expect("Red on purpose")
			s.write("01-first/2-double/double.go", strings.ReplaceAll(blocking, "ADDRESS", calls.Addr().String()))
			tests := accept(t, calls)

			way.end(s)
			require.Equal(t, way.code, s.wait())
			require.Equal(t, s.before, s.mode(), "the terminal is as it was")
			requireGone(t, tests)
		})
	}
}

func TestASaveCallsOffTheRunBeforeIt(t *testing.T) {
	t.Parallel()
	calls := listen(t)
	s := startInTerminal(t, []string{"start", "01/2"}, screen{})
	s.expect("Red on purpose")
	s.write("01-first/2-double/double.go", strings.ReplaceAll(blocking, "ADDRESS", calls.Addr().String()))
	tests := accept(t, calls)
	s.press("hhh") // ignored: what they would show is about to change

	s.saveInPlace("01-first/2-double/double.go", "solutions/01-first/2-double/double.go")
	s.expect("1 of 1 · green")
	requireGone(t, tests)
	require.NotContains(t, s.all(), "Nudge")
	s.press("q")
	require.Equal(t, 0, s.wait())
}

func TestNarrowAndWithoutColour(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t, []string{"start"}, screen{columns: 60, env: []string{"NO_COLOR=1"}})
	s.expect("Red on purpose", "q quit")
	s.write("01-first/1-greet/greet.go", "package greet\n\nfunc Greet(name string) (string, error) { return \""+strings.Repeat("long ", 40)+"\", nil }\n")
	s.expect("0 of 2 · red", "q quit")
	s.press("q")
	require.Equal(t, 0, s.wait())
	printed := strings.NewReplacer("\x1b[H\x1b[2J", "\n", "\x1b[K", "").Replace(s.all())
	for _, line := range strings.FieldsFunc(printed, func(r rune) bool { return r == '\n' || r == '\r' }) {
		require.NotContains(t, line, "\x1b", "no colour")
		require.LessOrEqual(t, len([]rune(line)), 60, line)
	}
}

func TestCtrlCAtAQuestion(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		keys string
		code int
		says string
	}{
		"Ctrl-C": {"\x03", 130, "interrupted"},
		"no":     {"n\r", 1, "nothing was installed"},
		"Ctrl-D": {"\x04", 1, "nothing was installed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startInTerminal(t, []string{"up"}, screen{isBare: true})
			s.expect("Do that now? [y/N]")
			s.press(answer.keys)
			require.Equal(t, answer.code, s.wait())
			s.expect(answer.says)
			require.NoFileExists(t, filepath.Join(s.course, "installed"))
			require.NoFileExists(t, filepath.Join(s.course, ".workshop", "up.json"))
		})
	}
}

func TestAnInterruptedUpLeavesNothing(t *testing.T) {
	t.Parallel()
	if !hasRabbitMQ() {
		t.Skip("needs rabbitmq-server: go run ./workshop up --install")
	}
	s := startInTerminal(t, []string{"up", "--with", "native"}, screen{hasNoBroker: true})
	s.expect("waiting for")
	s.press("\x03")
	require.Equal(t, 130, s.wait())

	// Who holds the lock is a supervisor; a node that runs has a folder.
	lock, err := scratch.Lock(filepath.Join(s.course, ".workshop", "up.lock"))
	require.NoError(t, err, "the supervisor still runs")
	lock.Unlock()
	nodes, err := filepath.Glob(filepath.Join(s.course, ".workshop", "nodes", "*"))
	require.NoError(t, err)
	require.Empty(t, nodes)
}

func TestSolutionIsShownAfterAYes(t *testing.T) {
	t.Parallel()
	s := startInTerminal(t, []string{"solution", "01/2"}, screen{})
	s.expect("01/2 is not green yet. Show the solution? [y/N]")
	s.press("y\r")
	s.expect("return 2 * n, nil")
	require.Equal(t, 0, s.wait())
}

// requireGone sees a process end by the end of its connection.
func requireGone(t *testing.T, process net.Conn) {
	t.Helper()
	_, err := process.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the tests still run")
}

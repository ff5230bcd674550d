//go:build !windows

package main_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"warren.example/workshop/broker"
)

// A screen says in what surroundings a session runs.
type screen struct {
	columns     int      // 0 is 80
	env         []string // added to the environment
	hasNoBroker bool     // else a fake one is up
	isBare      bool     // a machine without Docker and RabbitMQ, so without a broker
}

// A session is the command in a terminal, in a fake course of its own.
type session struct {
	t        *testing.T
	course   string
	cmd      *exec.Cmd
	keyboard *os.File    // the far end of the terminal
	terminal *os.File    // the near end, to ask for its mode
	before   *term.State // the mode before the command ran

	mu     sync.Mutex // guards what follows
	output string     // all that was printed
	seen   int        // how much of it expect has matched
	more   *sync.Cond // tells of more output
}

func startInTerminal(t *testing.T, args []string, in screen) *session {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	s := &session{t: t, course: filepath.Join(folder, "course")}
	s.more = sync.NewCond(&s.mu)
	require.NoError(t, os.CopyFS(s.course, os.DirFS("testdata/course")))

	s.keyboard, s.terminal, err = pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { s.keyboard.Close(); s.terminal.Close() })
	if in.columns == 0 {
		in.columns = 80
	}
	require.NoError(t, pty.Setsize(s.keyboard, &pty.Winsize{Cols: uint16(in.columns), Rows: 40}))
	s.before = s.mode()

	s.cmd = exec.Command(program, args...)
	s.cmd.Dir = s.course
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.terminal, s.terminal, s.terminal
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.cmd.Env = append(os.Environ(), "PWD="+s.course, "TERM=xterm", "CI=", "NO_COLOR=", "GOPROXY=off",
		broker.EnvAMQP+"=", broker.EnvBroker+"=", "WORKSHOP_SCRATCH=", "WORKSHOP_ROOT=")
	if in.isBare {
		s.cmd.Env = append(s.cmd.Env, "PATH="+bareMachine(t), "WORKSHOP_RABBITMQ_HOME="+filepath.Join(folder, "nowhere"))
	}
	if !in.isBare && !in.hasNoBroker {
		s.startFakeBroker()
	}
	s.cmd.Env = append(s.cmd.Env, in.env...)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	go s.read()
	return s
}

// startFakeBroker starts a supervisor that is ended with the test.
func (s *session) startFakeBroker() {
	supervisor := exec.Command(fakeBroker)
	supervisor.Dir = s.course
	supervisor.Env = append(os.Environ(), "PWD="+s.course, "WORKSHOP_SCRATCH=", "WORKSHOP_ROOT=")
	require.NoError(s.t, supervisor.Start())
	s.t.Cleanup(func() { _ = supervisor.Process.Kill(); _ = supervisor.Wait() })
	require.Eventually(s.t, func() bool {
		_, err := os.Stat(filepath.Join(s.course, ".workshop", "up.json"))
		return err == nil
	}, patience, 5*time.Millisecond)
}

// bareMachine returns a PATH on which there is go, and an apt-get that leaves a file behind.
func bareMachine(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"go", "env"} {
		found, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(found, filepath.Join(folder, name)))
	}
	for _, name := range []string{"apt-get", "brew", "sudo"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n: >installed\n"), 0o755))
	}
	return folder
}

// read collects what the command prints until its terminal is closed.
func (s *session) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.keyboard.Read(buffer)
		s.mu.Lock()
		s.output += string(buffer[:n])
		s.mu.Unlock()
		s.more.Broadcast()
		if err != nil {
			return
		}
	}
}

// expect waits until the texts are printed, one after the other, after what was expected before.
func (s *session) expect(texts ...string) {
	s.t.Helper()
	isLate := false
	deadline := time.AfterFunc(patience, func() {
		s.mu.Lock()
		isLate = true
		s.mu.Unlock()
		s.more.Broadcast()
	})
	defer deadline.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		for {
			if at := strings.Index(s.output[s.seen:], text); at >= 0 {
				s.seen += at + len(text)
				break
			}
			require.False(s.t, isLate, "%q was not printed; since the last match:\n%s", text, s.output[s.seen:])
			s.more.Wait()
		}
	}
}

// all returns all that was printed.
func (s *session) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output
}

func (s *session) press(keys string) {
	s.t.Helper()
	_, err := s.keyboard.WriteString(keys)
	require.NoError(s.t, err)
}

func (s *session) signal(signal os.Signal) { require.NoError(s.t, s.cmd.Process.Signal(signal)) }

// mode returns the terminal's present mode.
func (s *session) mode() *term.State {
	state, err := term.GetState(int(s.terminal.Fd()))
	require.NoError(s.t, err)
	return state
}

// wait returns the command's exit code.
func (s *session) wait() int {
	s.t.Helper()
	late := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// write saves text as an editor does that writes in place. Paths are below the course.
func (s *session) write(path, text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.course, path), []byte(text), 0o644))
}

func (s *session) saveInPlace(path, from string) {
	s.t.Helper()
	s.write(path, s.content(from))
}

// saveByRename saves as an editor does that writes a new file and moves it over the old one.
func (s *session) saveByRename(path, from string) {
	s.t.Helper()
	s.write(path+"~", s.content(from))
	require.NoError(s.t, os.Rename(filepath.Join(s.course, path+"~"), filepath.Join(s.course, path)))
}

func (s *session) content(path string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.course, path))
	require.NoError(s.t, err)
	return string(content)
}

// listen waits for calls of processes whose life the test follows.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener
}

func accept(t *testing.T, listener net.Listener) net.Conn {
	t.Helper()
	require.NoError(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	conn, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// Package child has a process really die. A crash of a lab is a cut connection; here the test binary starts itself once more, as
// a child that does the learner's work, and the test kills it:
//
//	test ── Start ──► child ── the learner's function ──► "order-7 begins"
//	     ── Kill ───► ✗
package child

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"warren.example/workshop/lab"
	"warren.example/workshop/todo"
)

const (
	urlVariable = "WARREN_CHILD_URL"       // makes the test binary a child: the broker's address
	notDone     = "child: not done yet "   // the last line of a child whose work is not done; the exercise's id follows
	ended       = "child: the work ended " // the last line of every other one; the error follows
)

// Main is for the TestMain of a package with children. In the process that go test started it runs the tests. In a child it calls be
// with the address of the broker, and ends the process when be has returned, or when the test's process is gone. What be prints on
// standard output the test can read, line by line; the last line tells be's error (see Child.Ended).
//
//	func TestMain(m *testing.M) { child.Main(m, be) }
func Main(m *testing.M, be func(ctx context.Context, url string) error) {
	url := os.Getenv(urlVariable)
	if url == "" {
		m.Run()
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // open as long as the test's process lives
		os.Exit(1)
	}()
	err := be(context.Background(), url)
	if exercise, unfinished := todo.Exercise(err); unfinished {
		fmt.Println(notDone + exercise)
		return
	}
	fmt.Printf("%s%v\n", ended, err)
}

// A Child is a process of its own. Its methods are for the test's goroutine.
type Child struct {
	lab    *lab.Lab
	cmd    *exec.Cmd
	output chan struct{} // closed when it has said all

	mu   sync.Mutex
	said []string
}

// Start starts one, and gives it l's address: it is connected through l's tap. env are further variables of its environment,
// "NAME=value". It is killed when the test ends. The test fails if it can't be started.
func Start(t testing.TB, l *lab.Lab, env ...string) *Child {
	t.Helper()
	c := &Child{lab: l, output: make(chan struct{})}
	stdin, err := c.start(append(env, urlVariable+"="+l.URL))
	if err != nil {
		l.Failf("child: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		c.Kill()
	})
	return c
}

// start starts the process. It lives no longer than its standard input is open.
func (c *Child) start(env []string) (stdin io.Closer, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command(self)
	c.cmd.Env = append(os.Environ(), env...)
	if stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.read(stdout)
	return stdin, nil
}

// read remembers what the child says.
func (c *Child) read(stdout io.Reader) {
	defer close(c.output)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		c.mu.Lock()
		c.said = append(c.said, lines.Text())
		c.mu.Unlock()
	}
}

// Said returns the lines that the child has printed so far, without the last one that Main prints. If the learner's work is not done
// yet, it ends the test and says so.
func (c *Child) Said() []string {
	said, _ := c.heard()
	return said
}

// Ended returns the error that be returned, as text ("<nil>" for none), and whether it has returned.
func (c *Child) Ended() (err string, ok bool) {
	_, last := c.heard()
	return strings.CutPrefix(last, ended)
}

// Gone tells whether the process has ended, by itself or killed, and all that it printed is in Said.
func (c *Child) Gone() bool {
	select {
	case <-c.output:
		return true
	default:
		return false
	}
}

// heard splits what the child has said into its own lines and Main's last one.
func (c *Child) heard() (said []string, last string) {
	c.mu.Lock()
	said = slices.Clone(c.said)
	c.mu.Unlock()
	if len(said) == 0 {
		return said, ""
	}
	last = said[len(said)-1]
	if exercise, unfinished := strings.CutPrefix(last, notDone); unfinished {
		c.lab.Finished(todo.New(exercise))
	}
	if strings.HasPrefix(last, ended) {
		return said[:len(said)-1], last
	}
	return said, ""
}

// Kill ends the process as kill -9 does, and waits until it is gone. Safe to call twice.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.output // Wait closes the pipe, and takes along what has not been read
	_ = c.cmd.Wait()
}

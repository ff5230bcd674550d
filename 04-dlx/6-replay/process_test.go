package replay_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/todo"
)

// A crash of the lab is a cut connection. Here a process really dies: the test binary starts itself once more, as a child that
// replays.
const (
	envURL = "WARREN_REPLAY_URL" // makes the test binary the child: the broker's address
	notYet = "not done yet"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(envURL); url != "" {
		beChild(url)
		return
	}
	m.Run()
}

// beChild replays until it is killed, or its parent is gone: then standard input ends.
func beChild(url string) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	conn, err := amqp.Dial(url)
	if err != nil {
		fmt.Println("dial:", err)
		return
	}
	n, err := replay.Replay(context.Background(), conn, dead, 10)
	if _, unfinished := todo.Exercise(err); unfinished {
		fmt.Println(notYet)
		return
	}
	fmt.Printf("Replay returned %d, %v\n", n, err)
}

// A child is a process of its own that replays.
type child struct {
	cmd   *exec.Cmd
	lines chan string // what it says; closed when it is gone
}

func (s *stage) start(t *testing.T) *child {
	t.Helper()
	self, err := os.Executable()
	s.must(err)
	c := &child{cmd: exec.Command(self), lines: make(chan string, 1000)}
	c.cmd.Env = append(os.Environ(), envURL+"="+s.lab.URL)
	stdin, err := c.cmd.StdinPipe() // open as long as this process lives
	s.must(err)
	stdout, err := c.cmd.StdoutPipe()
	s.must(err)
	s.must(c.cmd.Start())
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		c.kill()
	})
	return c
}

// kill ends the process as kill -9 does, and waits until it is gone. Safe to call twice.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// The process is killed while order-3 is on its way: it never arrives.
func TestKilledProcessLosesNothing(t *testing.T) {
	s := newStage(t)
	all := []string{"order-1", "order-2", "order-3"}
	s.dies(inventory, all...)
	begun := s.now()
	lost := s.lab.Tap.Add(tap.Drop{On: publishing(3)})
	c := s.start(t)
	said, gone := "", false
	s.lab.Soon(func() bool {
		select {
		case line, ok := <-c.lines:
			gone = !ok
			if ok {
				said = line
			}
		default:
		}
		return lost.Struck() > 0 && s.acked(begun) >= 2 || said != "" || gone
	})
	if said == notYet {
		s.lab.Finished(todo.New("04/6"))
	}
	acked := s.acked(begun)
	s.lab.Note("kill -9")
	wire := s.story()

	c.kill()

	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Unacked(dead) == 0 && len(s.lab.Connections()) <= 1 })
	s.lab.Soon(func() bool { return s.lab.Depth(dead) >= 3-acked })
	left, back := s.ids(dead), s.ids(inventory)
	saw := "a process was killed while order-3 was on its way"
	s.missing(all, left, back, lab.Claim{
		Saw:  saw,
		Want: "what is not confirmed is in the dead letter queue still",
		Wire: wire,
	})
	s.lab.Check(said == "", lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ had not confirmed order-3, and the process said %q", said),
		Want: "Replay waits for the confirm",
		Wire: wire,
		Read: about,
	})
	s.lab.Check(slices.Equal(left, []string{"order-3"}), lab.Claim{
		Saw:  fmt.Sprintf("%s; dead are %q, back are %q", saw, left, back),
		Want: "order-1 and order-2 were confirmed long ago: they are not dead any more",
		Why:  "the next replay sends all of it a second time: not one customer gets two teapots, but a thousand",
		Wire: wire,
		Read: about,
	})
}

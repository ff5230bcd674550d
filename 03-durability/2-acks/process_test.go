package acks_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/2-acks"
	"warren.example/workshop/lab"
	"warren.example/workshop/todo"
)

// A crash of the lab is a cut connection. Here a process really dies: the test binary starts itself once more, as a child
// that consumes, and which says on its standard output what happens:
//
//	test ── starts ──► child ── Consume ──► handle: "order-7 begins", and no end
//	     ── kills  ──► ✗
const (
	envURL   = "WARREN_ACKS_URL"   // makes the test binary the child: the broker's address
	envPanic = "WARREN_ACKS_PANIC" // its handle panics
	notYet   = "not done yet"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(envURL); url != "" {
		beChild(url)
		return
	}
	m.Run()
}

// beChild consumes until it is killed, or its parent is gone: then standard input ends.
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
	err = acks.Consume(context.Background(), conn, queue, func(_ context.Context, d amqp.Delivery) acks.Verdict {
		if ch, err := conn.Channel(); err == nil { // has its answer after all that Consume has written
			_ = ch.Close()
		}
		fmt.Printf("%s begins\n", d.Body)
		if os.Getenv(envPanic) != "" {
			panic("the handle panics")
		}
		select {}
	})
	if _, unfinished := todo.Exercise(err); unfinished {
		fmt.Println(notYet)
		return
	}
	fmt.Println("Consume returned:", err)
}

// A child is a process of its own that consumes.
type child struct {
	s     *stage
	cmd   *exec.Cmd
	lines chan string // what it says; closed when it is gone
}

func (s *stage) start(t *testing.T, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.lab.Failf("find the test binary: %v", err)
	}
	c := &child{s: s, cmd: exec.Command(self), lines: make(chan string, 1000)}
	c.cmd.Env = append(append(os.Environ(), envURL+"="+s.lab.URL), env...)
	stdin, err := c.cmd.StdinPipe() // open as long as this process lives
	if err != nil {
		s.lab.Failf("start a process: %v", err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		s.lab.Failf("start a process: %v", err)
	}
	if err := c.cmd.Start(); err != nil {
		s.lab.Failf("start a process: %v", err)
	}
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

// says waits for the next line. It ends the test if there is none.
func (c *child) says(want string) {
	c.s.lab.Await("a process that says "+want, func() bool {
		select {
		case line, ok := <-c.lines:
			if line == notYet {
				c.s.lab.Finished(todo.New("03/2"))
			}
			if !ok || !strings.Contains(line, want) {
				c.s.lab.Fail(lab.Claim{
					Saw:  fmt.Sprintf("a process that consumes, and should say %q, ended or said %q", want, line),
					Want: "Consume hands the order to handle",
					Wire: c.s.story(),
					Read: about,
				})
			}
			return true
		default:
			return false
		}
	})
}

func TestKilledProcessLosesNothing(t *testing.T) {
	s := newStage(t, "order-7", "order-8")
	c := s.start(t)
	c.says("order-7 begins")
	s.sentAhead(2)
	s.lab.Note("kill -9")

	c.kill()

	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	s.rest(2, lab.Claim{
		Saw: fmt.Sprintf("a process was killed while it handled order-7, and order-8 was sent ahead: the queue has %d orders",
			s.lab.Depth(queue)),
		Want: "both",
		Why:  "power cuts, the kernel's out-of-memory killer, kill -9: no defer runs, and a paid order is never packed",
		Wire: s.story(),
	})
}

func TestPanicLosesNothing(t *testing.T) {
	s := newStage(t, "order-7")
	c := s.start(t, envPanic+"=1")
	c.says("order-7 begins")
	// Either the process dies of it, or it takes the order again, or Consume returns; a second line is no less good.
	hidden := false
	s.lab.Await("a process that is gone, or goes on", func() bool {
		select {
		case line, ok := <-c.lines:
			hidden = strings.HasPrefix(line, "Consume returned: <nil>")
			return !ok || strings.HasPrefix(line, "Consume returned") || line == "order-7 begins"
		default:
			return s.lab.Depth(queue)+s.lab.Unacked(queue) == 0
		}
	})

	c.kill()

	s.lab.Check(!hidden, lab.Claim{
		Saw:  "the handle of order-7 panicked, and Consume returned nil",
		Want: "a panic goes on, or becomes an error: nil says that ctx ended and all went well",
		Why:  "the program exits quietly, nobody starts it again, and nobody learns why",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Await("RabbitMQ to notice", func() bool { return s.lab.Consumers(queue) == 0 })
	s.rest(1, lab.Claim{
		Saw:  fmt.Sprintf("the handle of order-7 panicked, and the queue has %d orders", s.lab.Depth(queue)),
		Want: "one: order-7. Its handle has said nothing, so nobody acks for it",
		Why:  "a nil pointer in the new version, and each order that it meets is gone, marked as done",
		Wire: s.story(),
	})
}

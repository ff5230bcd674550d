package child_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
	"warren.example/workshop/todo"
)

const wayVariable = "WARREN_CHILD_TEST_WAY" // what the child does

func TestMain(m *testing.M) { child.Main(m, be) }

// be connects, and then ends as it is told to.
func be(_ context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	fmt.Println("order-7 begins")
	fmt.Println("order-8 begins")
	switch way := os.Getenv(wayVariable); way {
	case "nil":
		return nil
	case "error":
		return errors.New("no more orders")
	case "todo":
		return fmt.Errorf("wrapped: %w", todo.New("05/9"))
	case "panic":
		panic("a child of a test panics, as it should")
	}
	<-conn.NotifyClose(make(chan *amqp.Error, 1))
	return nil
}

func TestAKilledChildIsGone(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	c := child.Start(t, l)
	l.Await("the child to say two lines", func() bool { return len(c.Said()) == 2 })
	require.Equal(t, []string{"order-7 begins", "order-8 begins"}, c.Said())
	require.False(t, c.Gone())
	require.Len(t, l.Connections(), 1)

	c.Kill()
	c.Kill()

	require.True(t, c.Gone())
	_, ok := c.Ended()
	require.False(t, ok)
	l.Await("its connection to be gone", func() bool { return len(l.Connections()) == 0 })
}

func TestAChildThatEndsSaysHow(t *testing.T) {
	t.Parallel()
	for way, want := range map[string]string{"nil": "<nil>", "error": "no more orders"} {
		l := lab.New(t)
		c := child.Start(t, l, wayVariable+"="+way)
		l.Await("the child to be gone", c.Gone)
		got, ok := c.Ended()
		require.True(t, ok)
		require.Equal(t, want, got)
		require.Len(t, c.Said(), 2)
	}
	l := lab.New(t)
	c := child.Start(t, l, wayVariable+"=panic")
	l.Await("the child to be gone", c.Gone)
	_, ok := c.Ended()
	require.False(t, ok)
}

// A fakeTB is a test that may fail without failing the one it belongs to.
type fakeTB struct {
	testing.TB
	failed bool
	output bytes.Buffer
}

func (f *fakeTB) Fail()                       { f.failed = true }
func (f *fakeTB) Failed() bool                { return f.failed }
func (f *fakeTB) FailNow()                    { f.failed = true; runtime.Goexit() }
func (f *fakeTB) Output() io.Writer           { return &f.output }
func (f *fakeTB) Log(args ...any)             { fmt.Fprintln(&f.output, args...) }
func (f *fakeTB) Logf(text string, of ...any) { fmt.Fprintf(&f.output, text+"\n", of...) }

func TestAChildWhoseWorkIsNotDoneEndsTheTest(t *testing.T) {
	t.Parallel()
	f := &fakeTB{TB: t}
	over := make(chan struct{})
	went := false
	go func() {
		defer close(over)
		l := lab.New(f)
		c := child.Start(f, l, wayVariable+"=todo")
		l.Await("the child to be gone", c.Gone)
		c.Said()
		went = true
	}()
	<-over
	require.True(t, f.failed)
	require.False(t, went)
	require.Contains(t, f.output.String(), "not done yet  05/9")
}

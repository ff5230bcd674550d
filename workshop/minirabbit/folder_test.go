package minirabbit_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit"
)

// inFolder starts a broker that keeps things in the folder.
func inFolder(t *testing.T, folder string, opts ...minirabbit.Option) *minirabbit.Server {
	t.Helper()
	s, err := minirabbit.Start(append(opts, minirabbit.WithFolder(folder))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// all takes everything out of a queue.
func all(t *testing.T, ch *amqp.Channel, queue string) (bodies []string) {
	t.Helper()
	for {
		d, ok, err := ch.Get(queue, true)
		require.NoError(t, err)
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(d.Body))
	}
}

func TestFolderOutlivesTheBroker(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	s := inFolder(t, folder, minirabbit.WithUser(minirabbit.User{
		Name: "anna", Password: "secret", Permissions: map[string]minirabbit.Permissions{"shop": minirabbit.AllPermissions()},
	}))
	_, ch := connect(t, s.URL())
	require.NoError(t, ch.Confirm(false))
	declare := func(name string, durable bool, args amqp.Table) {
		_, err := ch.QueueDeclare(name, durable, false, false, false, args)
		require.NoError(t, err)
	}
	declare("classic", true, nil)
	declare("quorum", true, amqp.Table{"x-queue-type": "quorum"})
	declare("stream", true, amqp.Table{"x-queue-type": "stream"})
	declare("gone", false, nil)
	require.NoError(t, ch.ExchangeDeclare("x", "headers", true, false, false, false, nil))
	require.NoError(t, ch.ExchangeDeclare("y", "topic", true, false, false, false, amqp.Table{"alternate-exchange": "x"}))
	require.NoError(t, ch.QueueBind("classic", "", "x", false, amqp.Table{"x-match": "any", "a": int32(1)}))
	require.NoError(t, ch.ExchangeBind("x", "k.#", "y", false, nil))
	for _, body := range []string{"1", "2", "3"} {
		for _, queue := range []string{"classic", "quorum", "stream", "gone"} {
			publish(t, ch, queue, body)
		}
	}
	require.NoError(t, ch.Publish("", "classic", false, false, amqp.Publishing{Body: []byte("transient")}))
	taken, ok, err := ch.Get("classic", false)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, taken.Ack(false))
	_, _, err = ch.Get("classic", false) // never acknowledged
	require.NoError(t, err)
	publish(t, ch, "quorum", "4")
	require.NoError(t, s.Close())

	s = inFolder(t, folder)
	_, ch = connect(t, s.URL())
	require.NoError(t, ch.Confirm(false))
	d, ok, err := ch.Get("classic", false)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "2", string(d.Body))
	require.True(t, d.Redelivered)
	require.Equal(t, []string{"3"}, all(t, ch, "classic"))
	require.Equal(t, []string{"1", "2", "3", "4"}, all(t, ch, "quorum"))
	require.NoError(t, ch.Publish("y", "k.1", false, false, amqp.Publishing{Headers: amqp.Table{"a": int32(1)}, Body: []byte("bound")}))
	require.Equal(t, []string{"bound"}, all(t, ch, "classic"))
	require.NoError(t, ch.Qos(10, 0, false))
	old, err := ch.Consume("stream", "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(t, err)
	require.Equal(t, "1", string(receive(t, old).Body))
	_, other := connect(t, s.URLFor("anna", "secret", "shop"))
	_, err = other.QueueDeclarePassive("gone", false, false, false, false, nil)
	require.ErrorContains(t, err, "404")
}

func TestFolderBelongsToOneBroker(t *testing.T) {
	folder := t.TempDir()
	inFolder(t, folder)
	_, err := minirabbit.Start(minirabbit.WithFolder(folder))
	require.ErrorContains(t, err, "in use")
}

func TestFolderThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	_, err := minirabbit.Start(minirabbit.WithFolder(file))
	require.Error(t, err)
}

// What was deleted by somebody stays deleted, what belongs to a new broker too.
func TestFolderKeepsWhatWasDeleted(t *testing.T) {
	folder := t.TempDir()
	s := inFolder(t, folder)
	_, ch := connect(t, s.URL())
	_, err := ch.QueueDeclare("q", true, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.ExchangeDeclare("x", "fanout", true, false, false, false, nil))
	_, err = ch.QueueDelete("q", false, false, false)
	require.NoError(t, err)
	require.NoError(t, ch.ExchangeDelete("x", false, false))
	require.NoError(t, s.Close())
	s = inFolder(t, folder)
	c, ch := connect(t, s.URL())
	_, err = ch.QueueDeclarePassive("q", true, false, false, false, nil)
	require.ErrorContains(t, err, "404")
	ch, err = c.Channel()
	require.NoError(t, err)
	require.ErrorContains(t, ch.ExchangeDeclarePassive("x", "fanout", true, false, false, false, nil), "404")
}

const brokerFolder = "MINIRABBIT_TEST_FOLDER" // in the environment of a child: it is a broker in this folder

// TestChildBroker is the child of TestKilledBroker, and no test.
func TestChildBroker(t *testing.T) {
	folder := os.Getenv(brokerFolder)
	if folder == "" {
		t.Skip("only for a child process")
	}
	s, err := minirabbit.Start(minirabbit.WithFolder(folder))
	require.NoError(t, err)
	fmt.Println(s.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the parent has ended
}

// childBroker starts a broker in a process of its own. It returns its URL and what kills it.
func childBroker(t *testing.T, folder string) (url string, kill func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestChildBroker$")
	cmd.Env = append(os.Environ(), brokerFolder+"="+folder)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the child did not start")
	return lines.Text(), func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	}
}

// ledger is what a publisher was confirmed and what a consumer saw.
type ledger struct {
	mu        sync.Mutex
	confirmed map[string]bool
	seen      map[string]bool
}

func (l *ledger) note(set map[string]bool, body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	set[body] = true
}

// consume acknowledges most of what comes, gives some back and holds some until the end.
func (l *ledger) consume(t *testing.T, c *amqp.Connection, queue string) {
	t.Helper()
	ch, err := c.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Qos(20, 0, false))
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	require.NoError(t, err)
	go func() {
		for d := range deliveries {
			switch rand.IntN(10) {
			case 0:
			case 1:
				_ = d.Reject(true)
			default:
				l.note(l.seen, string(d.Body))
				_ = d.Ack(false)
			}
		}
	}()
}

// publish publishes messages, a window of them at a time, until the broker is gone. It calls kill in the middle.
func (l *ledger) publish(t *testing.T, c *amqp.Connection, round int, kill func()) {
	t.Helper()
	ch, err := c.Channel()
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	killer, stop := make(chan struct{}), rand.IntN(400)
	defer func() { <-killer }()
	for i := 0; ; i++ {
		if i == stop {
			go func() {
				defer close(killer)
				kill()
			}()
		}
		body, queue := fmt.Sprint(round, "-", i), []string{"classic", "quorum"}[i%2]
		m := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
		confirm, err := ch.PublishWithDeferredConfirm("", queue, true, false, m)
		if err != nil {
			require.GreaterOrEqual(t, i, stop, "the broker was gone before it was killed")
			return
		}
		go func() {
			if acked := confirm.Wait(); acked {
				l.note(l.confirmed, body)
			}
		}()
		if i%10 == 0 {
			confirm.Wait()
		}
	}
}

// A broker is killed while a publisher publishes and a consumer acknowledges, again and again. Every message that was
// confirmed comes to a consumer in the end.
func TestKilledBroker(t *testing.T) {
	const kills = 12
	folder, l := t.TempDir(), &ledger{confirmed: make(map[string]bool), seen: make(map[string]bool)}
	for round := range kills {
		url, kill := childBroker(t, folder)
		c, ch := connect(t, url)
		_, err := ch.QueueDeclare("classic", true, false, false, false, nil)
		require.NoError(t, err)
		_, err = ch.QueueDeclare("quorum", true, false, false, false, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(1000)})
		require.NoError(t, err)
		l.consume(t, c, "classic")
		l.consume(t, c, "quorum")
		l.publish(t, c, round, kill)
		_ = c.Close()
	}

	s := inFolder(t, folder)
	_, ch := connect(t, s.URL())
	l.mu.Lock()
	defer l.mu.Unlock()
	left := make(map[string]bool)
	for _, body := range append(all(t, ch, "classic"), all(t, ch, "quorum")...) {
		require.False(t, left[body], "message %s is there twice", body)
		left[body] = true
	}
	for body := range l.confirmed {
		require.True(t, l.seen[body] || left[body], "message %s was confirmed and is lost", body)
	}
	t.Logf("%d kills: %d messages confirmed, %d consumed, %d left", kills, len(l.confirmed), len(l.seen), len(left))
}

// As RabbitMQ, minirabbit doesn't know after a kill what it delivered: everything in a classic queue counts as redelivered, and
// goes on to do so.
func TestKilledBrokerDoubtsWhatWasDelivered(t *testing.T) {
	folder := t.TempDir()
	url, kill := childBroker(t, folder)
	_, ch := connect(t, url)
	require.NoError(t, ch.Confirm(false))
	_, err := ch.QueueDeclare("classic", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = ch.QueueDeclare("quorum", true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	require.NoError(t, err)
	for _, body := range []string{"1", "2"} {
		publish(t, ch, "classic", body)
		publish(t, ch, "quorum", body)
	}
	kill()
	take := func(ch *amqp.Channel, queue string) string {
		d, ok, err := ch.Get(queue, true)
		require.NoError(t, err)
		require.True(t, ok)
		return fmt.Sprint(string(d.Body), " ", d.Redelivered)
	}

	s := inFolder(t, folder)
	_, ch = connect(t, s.URL())
	require.NoError(t, ch.Confirm(false))
	require.Equal(t, "1 true", take(ch, "classic"))
	require.Equal(t, "1 false", take(ch, "quorum"))
	publish(t, ch, "classic", "3")
	require.NoError(t, s.Close())

	s = inFolder(t, folder)
	_, ch = connect(t, s.URL())
	require.Equal(t, "2 true", take(ch, "classic"))
	require.Equal(t, "3 false", take(ch, "classic"), "this time it ended in good order")
	require.Equal(t, "2 false", take(ch, "quorum"))
}

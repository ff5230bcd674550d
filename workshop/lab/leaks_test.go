package lab_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
)

func TestAHangFailsOnceAndSaysWhereTheFunctionStands(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	defer close(free)
	hangs := func(context.Context) error {
		<-free // deaf to ctx
		return nil
	}
	for name, test := range map[string]func(l *lab.Lab){
		"Do":      func(l *lab.Lab) { l.Do("Send", hangs) },
		"Stopped": func(l *lab.Lab) { l.Go("Send", hangs).Stopped() },
	} {
		f := judge(t, func(t testing.TB) { test(hurried(t)) })
		require.True(t, f.Failed(), name)
		require.Contains(t, f.said(), "saw   Send has not returned within 2s; it stands at leaks_test.go:", name)
		require.Equal(t, 1, strings.Count(f.said(), "saw  "), f.said())
	}
	f := judge(t, func(t testing.TB) { hurried(t).Go("Send", hangs) })
	require.True(t, f.Failed())
	require.Contains(t, f.said(), "saw   Send runs on 2s after its ctx has ended; it stands at leaks_test.go:")
	require.Equal(t, 1, strings.Count(f.said(), "saw  "), f.said())
}

func TestAHangCancelsTheFunctionAndCutsItsConnections(t *testing.T) {
	t.Parallel()
	cut, cancelled := make(chan struct{}), make(chan struct{})
	f := judge(t, func(t testing.TB) {
		l := hurried(t)
		t.Cleanup(func() { // of the test's own, so it runs before the lab takes all down
			<-cut
			<-cancelled
		})
		closed := l.Dial().NotifyClose(make(chan *amqp.Error, 1))
		l.Do("Send", func(ctx context.Context) error {
			<-closed
			close(cut)
			<-ctx.Done()
			close(cancelled)
			return nil
		})
	})
	require.True(t, f.Failed())
	require.Contains(t, f.said(), "saw   Send has not returned")
}

func TestWhatStaysIsReported(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	var leaked sync.WaitGroup
	t.Cleanup(func() {
		close(free)
		leaked.Wait()
	})
	leak := func(context.Context) error {
		leaked.Go(func() { <-free })
		return nil
	}
	tellHurried(t, map[string]story{
		"a goroutine of Do": {func(l *lab.Lab) { l.Do("Send", leak) },
			[]string{"saw   1 goroutine was left running when the test ended\n      leaks_test.go:"}},
		"a goroutine of a goroutine": {func(l *lab.Lab) {
			l.Do("Send", func(context.Context) error {
				leaked.Add(1)
				inner := func() {
					<-free
					leaked.Done()
				}
				started := make(chan struct{})
				go func() {
					go inner()
					close(started)
				}()
				<-started
				return nil
			})
		}, []string{"saw   1 goroutine was left running", ", started at leaks_test.go:"}},
		"goroutines of two calls": {func(l *lab.Lab) {
			l.Do("Send", leak)
			l.Go("Send", leak)
		}, []string{"saw   2 goroutines were left running"}},
		"a connection": {func(l *lab.Lab) {
			l.Do("Send", func(context.Context) error {
				_, err := amqp.Dial(l.URL)
				return err
			})
		}, []string{"saw   1 connection was left open", "wire  you→broker connection.open"}},
	})
}

func TestCodeThatTidiesUpIsClean(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	var leaked sync.WaitGroup
	t.Cleanup(func() {
		close(free)
		leaked.Wait()
	})
	tell(t, map[string]story{
		"its own connection": {test: func(l *lab.Lab) {
			l.Do("Send", func(context.Context) error {
				conn, err := amqp.Dial(l.URL)
				if err != nil {
					return err
				}
				defer conn.Close()
				ch, err := conn.Channel()
				if err != nil {
					return err
				}
				_, err = ch.QueueDeclare("orders", true, false, false, false, nil)
				return err
			})
		}},
		"a consumer on the test's connection": {test: func(l *lab.Lab) {
			l.Declare("orders", nil)
			l.Publish("orders", "order-7")
			ch := l.Channel()
			handled := make(chan struct{})
			receive := l.Go("Receive", func(ctx context.Context) error {
				deliveries, err := ch.Consume("orders", "", false, false, false, false, nil)
				if err != nil {
					return err
				}
				var wait sync.WaitGroup
				defer wait.Wait()
				wait.Go(func() {
					for {
						select {
						case d := <-deliveries:
							close(handled)
							_ = d.Ack(false)
						case <-ctx.Done():
							return
						}
					}
				})
				return nil
			})
			<-handled
			l.Await("an empty queue", func() bool { return l.Unacked("orders") == 0 })
			expect(l, receive.Stopped(), nil)
		}},
		"a goroutine of the test's own": {test: func(l *lab.Lab) {
			leaked.Go(func() { <-free })
			l.Do("Send", returns(nil))
		}},
		"after a crash nobody tidies up": {test: func(l *lab.Lab) {
			l.Do("Send", func(context.Context) error {
				leaked.Go(func() { <-free })
				_, err := amqp.Dial(l.URL)
				return err
			})
			l.Crash()
		}},
	})
}

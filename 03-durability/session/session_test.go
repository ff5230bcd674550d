package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/03-durability/session"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

func message(t *testing.T, exchange, key, body string) *session.Message {
	t.Helper()
	m, err := session.NewMessage(exchange, key, amqp.Publishing{MessageId: body, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// with dials a session in a call of the lab's and closes it there.
func with(l *lab.Lab, do func(ctx context.Context, s *session.Session) error) error {
	return l.Do("session", func(ctx context.Context) error {
		s, err := session.Dial(ctx, l.URL, 4)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(ctx, s)
	})
}

func mustBeNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnswersComeInTheOrderOfPublishing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	l.Tap.Add(tap.Refuse{On: tap.Trigger{Nth: 2}})
	mustBeNil(t, with(l, func(_ context.Context, s *session.Session) error {
		for i, key := range []string{"orders", "orders", "nowhere", "orders"} {
			if err := s.Publish(message(t, "", key, fmt.Sprintf("order-%d", i+1))); err != nil {
				return err
			}
		}
		for i, want := range []error{nil, session.ErrRefused, session.ErrUnroutable, nil} {
			if got := <-s.Answers(); !errors.Is(got, want) {
				return fmt.Errorf("answer %d is %v, want %v", i+1, got, want)
			}
		}
		return nil
	}))
	if n := l.Depth("orders"); n != 2 {
		t.Errorf("%d messages in the queue, want 2", n)
	}
}

func TestOneIDWithTwoKeysIsTwoMessages(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Declare("orders", nil)
	first := l.Tap.Add(tap.HoldConfirm{On: tap.Trigger{Nth: 1}})
	mustBeNil(t, with(l, func(_ context.Context, s *session.Session) error {
		for _, key := range []string{"orders", "nowhere"} {
			m := message(t, "", key, "order-1")
			if err := s.Publish(m); err != nil {
				return err
			}
		}
		l.Expect(tap.Filter{From: tap.Broker, Method: "basic.return"}, 1, lab.Claim{Want: "the second is returned, before the first is confirmed"})
		first.Release()
		for i, want := range []error{nil, session.ErrUnroutable} {
			if got := <-s.Answers(); !errors.Is(got, want) {
				return fmt.Errorf("answer %d is %v, want %v", i+1, got, want)
			}
		}
		return nil
	}))
}

func TestCheckShowsNoPassword(t *testing.T) {
	t.Parallel()
	good := "amqp://guest:secret@localhost:5672/"
	for name, c := range map[string]struct {
		urls   []string
		window int
		want   string
	}{
		"good":          {[]string{good}, 1, ""},
		"no URL":        {nil, 1, "there is no URL"},
		"empty":         {[]string{good, ""}, 1, "URL 2 of 2 is not like"},
		"no scheme":     {[]string{"guest:secret@localhost:5672"}, 1, "URL 1 of 1 is not like"},
		"other scheme":  {[]string{"http://guest:secret@localhost:15672"}, 1, "URL 1 of 1 is not like"},
		"no URL's port": {[]string{"amqp://guest:secret@localhost:port"}, 1, "URL 1 of 1 is not like"},
		"no window":     {[]string{good}, 0, "the window is 0"},
	} {
		got := ""
		if err := session.Check(c.urls, c.window); err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" || strings.Contains(got, "secret") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if _, err := session.Dial(t.Context(), good, 0); err == nil {
		t.Error("Dial with a window of 0: no error")
	}
}

func TestAnswersEndWithTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end     func(l *lab.Lab, s *session.Session) error
		refusal bool
	}{
		"cut":              {func(l *lab.Lab, _ *session.Session) error { l.Tap.CutAll(); return nil }, false},
		"closed":           {func(_ *lab.Lab, s *session.Session) error { s.Close(); return nil }, false},
		"missing exchange": {func(_ *lab.Lab, s *session.Session) error { return s.Publish(message(t, "nowhere", "", "order-1")) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			mustBeNil(t, with(l, func(_ context.Context, s *session.Session) error {
				if err := c.end(l, s); err != nil {
					return err
				}
				if answer, ok := <-s.Answers(); ok {
					return fmt.Errorf("an answer came: %v", answer)
				}
				err := s.Err()
				if err == nil || session.IsRefusal(err) != c.refusal {
					return fmt.Errorf("Err() = %v, IsRefusal is %v, want %v", err, session.IsRefusal(err), c.refusal)
				}
				if s.Publish(message(t, "", "orders", "order-2")) == nil {
					return errors.New("Publish on a session that is lost returned nil")
				}
				return nil
			}))
		})
	}
}

func TestEndOfContextEndsTheSession(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	mustBeNil(t, l.Do("session", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s, err := session.Dial(ctx, l.URL, 4)
		if err != nil {
			return err
		}
		defer s.Close()
		cancel()
		if answer, ok := <-s.Answers(); ok {
			return fmt.Errorf("an answer came: %v", answer)
		}
		_, err = session.Dial(ctx, l.URL, 4)
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("Dial with an ended ctx returned %v", err)
		}
		return nil
	}))
}

func TestNewMessageRefusesWhatAMQPCantCarry(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 128) // 256 bytes
	for name, c := range map[string]struct {
		exchange, key string
		m             amqp.Publishing
	}{
		"exchange":    {exchange: long},
		"key":         {key: long},
		"property":    {m: amqp.Publishing{Type: long}},
		"header":      {m: amqp.Publishing{Headers: amqp.Table{long: "x"}}},
		"header type": {m: amqp.Publishing{Headers: amqp.Table{"x": struct{}{}}}},
	} {
		if _, err := session.NewMessage(c.exchange, c.key, c.m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := session.NewMessage("", long[:254], amqp.Publishing{Headers: amqp.Table{"n": int64(1)}}); err != nil {
		t.Error(err)
	}
}

func TestWaitReturnsTheFirstWord(t *testing.T) {
	t.Parallel()
	m := message(t, "", "orders", "order-1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var unknown *session.Unknown
	if err := m.Wait(ended); !errors.As(err, &unknown) || unknown.Messages != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended ctx returned %v", err)
	}
	m.Tell(session.ErrRefused)
	m.Tell(nil)
	if err := m.Wait(t.Context()); err != session.ErrRefused {
		t.Errorf("Wait returned %v, want what was told first", err)
	}
}

func TestPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := session.Pause(ended, 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("Pause returned %v", err)
	}
	mustBeNil(t, session.Pause(t.Context(), 0))
}

package rpc_test

import (
	"context"
	"fmt"
	"testing"

	"warren.example/01-basics/6-rpc"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// mustFail ends the test unless the call returns an error.
func (s *scene) mustFail(q *question, what string) {
	claim := lab.Claim{
		Saw:  what + ", and Call still waits",
		Want: "an error, at once",
		Why:  "whoever asked waits for an answer that can't come any more",
		Read: "01-basics/README.md#rpc",
	}
	err := q.WaitOr(claim)
	claim.Saw = fmt.Sprintf("%s, and Call returned %q and no error", what, q.got())
	claim.Why = "the operator reads an empty answer, and takes it for a yes"
	s.lab.Error(err, claim)
}

func TestCloseReleasesWhoWaits(t *testing.T) {
	s := newScene(t)
	seven, eight := s.ask("resume order-7"), s.ask("resume order-8")
	s.requests(2)

	client := s.client
	s.close()

	s.mustFail(seven, "the client was closed")
	s.mustFail(eight, "the client was closed")
	s.mustFail(s.askBy(client, "resume order-9"), "the client had been closed before")
}

func TestCloseAgainDoesNothing(t *testing.T) {
	s := newScene(t)
	client := s.client
	s.close()
	s.client = client
	s.close()
}

func TestCloseLeavesTheConnectionOpen(t *testing.T) {
	s := newScene(t)
	s.close()

	s.lab.Check(!s.conn.IsClosed(), lab.Claim{
		Saw:  "the client was closed, and its caller's connection is closed",
		Want: "who opens a connection closes it: the caller",
		Why:  "whatever else the program does over this connection fails, far from here",
		Read: "01-basics/README.md#rpc",
	})
	s.lab.Check(s.lab.Soon(func() bool { return s.lab.OpenChannels(s.conn) == 0 }), lab.Claim{
		Saw:  "the client was closed, and its channel is open",
		Want: "what NewClient opens Close closes",
		Why:  "a connection has room for 2,047 channels; then nobody can ask any more",
		Read: "01-basics/README.md#rpc",
	})
}

func TestLostConnectionReleasesWhoWaits(t *testing.T) {
	s := newScene(t)
	seven := s.ask("resume order-7")
	s.request()

	s.lab.Tap.CutAll()

	s.mustFail(seven, "the connection was cut")
	s.mustFail(s.ask("resume order-8"), "the connection had been cut before")
}

func TestLostChannelReleasesWhoWaits(t *testing.T) {
	s := newScene(t)
	seven := s.ask("resume order-7")
	s.request()

	consume := s.lab.WaitFor(tap.Filter{From: tap.Client, Method: "basic.consume"}, 1)[0]
	if err := s.lab.Tap.CloseChannel(consume.Conn, consume.Channel, 406, "PRECONDITION_FAILED - by the test"); err != nil {
		s.lab.Failf("close the channel: %v", err)
	}

	s.mustFail(seven, "the broker closed the channel")
	s.mustFail(s.ask("resume order-8"), "the broker had closed the channel before")
}

func TestNoClientWithoutAConnection(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := s.conn.Close(); err != nil {
		s.lab.Failf("close the connection: %v", err)
	}
	err := s.lab.Do("NewClient", func(ctx context.Context) error {
		_, err := rpc.NewClient(ctx, s.conn)
		return err
	})
	s.lab.Error(err, lab.Claim{
		Saw:  "conn is closed, and NewClient returned nil",
		Want: "an error",
		Why:  "the program says that it is ready, and the first customer finds out that it isn't",
		Read: "01-basics/README.md#rpc",
	})
}

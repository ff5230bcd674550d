package quorum_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"warren.example/03-durability/6-quorum"
	"warren.example/workshop/broker"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

// whileElecting gives those who live a moment to notice the death of the leader, and to elect another.
func whileElecting(ctx context.Context) error {
	select {
	case <-time.After(100 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// It is the one test with three nodes. On real ones it takes some seconds.
func TestLeaderMayDie(t *testing.T) {
	s := newStage(t, lab.Config{Kind: broker.Cluster})
	s.mustDeclare()
	q := s.lab.Queue(queue)
	s.lab.Check(len(q.Members) == len(s.lab.Nodes), lab.Claim{
		Saw:  fmt.Sprintf("of %d nodes %d have a copy of the queue: %v", len(s.lab.Nodes), len(q.Members), q.Members),
		Want: "a copy on each",
		Why:  "the node with the only copy dies, and the queue with it",
		Wire: s.told("queue.declare"),
		Read: "03-durability/README.md#quorum",
	})
	leader := slices.IndexFunc(s.lab.Nodes, func(n broker.Node) bool { return n.Info().Name == q.Leader })
	if leader < 0 {
		s.lab.Failf("the leader of the queue is on %q, which is none of the nodes", q.Leader)
	}
	first := append(slices.Clone(s.lab.URLs[leader:]), s.lab.URLs[:leader]...)

	call, release := s.stuck(quorum.Publisher{URLs: first, Pause: whileElecting}, tap.HoldConfirm{On: from(4)})
	s.lab.Note("the node of the leader is killed")
	if err := s.lab.Nodes[leader].Kill(context.Background()); err != nil {
		s.lab.Failf("kill the leader: %v", err)
	}
	t.Cleanup(func() { // also after a failure: a cluster that is whole serves the next test, and saves it half a minute
		if err := s.lab.Nodes[leader].Start(context.Background()); err != nil {
			t.Errorf("start the node again: %v", err)
		}
	})
	release()
	select {
	case <-call.Done():
	case <-time.After(s.lab.Patience(time.Minute)):
	}
	s.isNil(call.Wait(), "the node that the shop talks to dies, and orders are given up that two others would take")

	s.holdsAfterLoss(6)
}

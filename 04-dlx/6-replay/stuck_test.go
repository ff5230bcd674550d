package replay_test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/04-dlx/6-replay"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
)

var holdConfirms = tap.HoldConfirm{}

func TestStuckStayAndOthersGo(t *testing.T) {
	s := newStage(t)
	s.lab.Put("", dead, order("stray-1")) // never died
	forged := order("stray-2")
	forged.Headers = amqp.Table{"x-death": "yesterday", replay.Queue: int32(7)}
	s.lab.Put("", dead, forged)
	s.dies(returns, "parcel-1")
	s.lab.DeleteQueue(returns)
	s.dies(inventory, "order-7", "order-8")
	stray := []replay.Stuck{{ID: "stray-1"}, {ID: "stray-2"}, {ID: "parcel-1", Queue: returns}}
	begun := s.now()

	run := s.replay(2)

	s.lab.Soon(func() bool { return !run.Running() || s.taken("stray-1", begun) > 1 })
	s.lab.Check(s.taken("stray-1", begun) <= 1, lab.Claim{
		Saw:  "stray-1, which doesn't say where it died, was taken out of the dead letter queue again and again",
		Want: "each message is tried once",
		Why:  "what goes back to the head of its queue is the next that comes: nothing behind it ever gets its turn, and a processor is busy all the time",
		Wire: s.story(),
		Read: about,
	})
	err := run.Wait()
	s.lab.Finished(err)
	claim := lab.Claim{
		Saw:  fmt.Sprintf("three of five messages can't go back; Replay moved %d of two, and returned: %v", run.moved, err),
		Want: "the others go back, and count alone for limit",
		Why:  "one message that somebody has put there by hand keeps a hundred orders dead",
		Wire: s.story(),
		Read: about,
	}
	s.lab.Check(run.moved == 2, claim)
	s.holds(inventory, claim, "order-7", "order-8")
	s.lab.Check(!s.lab.Exists(returns), lab.Claim{
		Saw:  "the queue in which parcel-1 died was deleted, and is there again",
		Want: "parcel-1 stays in the dead letter queue: whether its queue comes back is for its owner to say",
		Why:  "nobody consumes it: what is sent there is out of sight",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Soon(func() bool { return s.lab.Depth(dead) >= 3 })
	s.lab.Check(s.lab.Depth(dead) == 3, lab.Claim{
		Saw:  fmt.Sprintf("three messages can't go back, and %s has %d", dead, s.lab.Depth(dead)),
		Want: "three: they stay until somebody has looked at them",
		Why:  "a paid order that is nowhere any more",
		Wire: s.story(),
		Read: about,
	})
	s.lab.Check(s.published(dead, begun) == 0, lab.Claim{
		Saw:  "a message that can't go back was taken out, and a copy of it was published to the dead letter queue",
		Want: "it stays there itself: given back, not acked",
		Why:  "a copy is only as good as who made it: when it died and of what, RabbitMQ doesn't say a second time",
		Wire: s.story(),
		Read: about,
	})
	s.stuck(err, stray...)
	s.nothingStaysOpen()

	again := s.replay(2)
	err = again.Wait()
	s.stuck(err, stray...)
	s.lab.Soon(func() bool { return s.lab.Depth(dead) >= 3 })
	s.lab.Check(again.moved == 0 && s.lab.Depth(dead) == 3, lab.Claim{
		Saw:  fmt.Sprintf("only messages that can't go back were left; Replay returned %d, and %s has %d", again.moved, dead, s.lab.Depth(dead)),
		Want: "0 and three",
		Wire: s.story(),
		Read: about,
	})
}

// The queue is there when Replay looks, and gone when its message comes.
func TestQueueDeletedOnTheWay(t *testing.T) {
	s := newStage(t)
	s.dies(returns, "parcel-1")
	held := s.lab.Tap.Add(tap.Hold{On: publishing(1)})
	run := s.replay(10)
	s.lab.Soon(func() bool { return held.Struck() > 0 || !run.Running() })
	s.lab.DeleteQueue(returns)
	held.Release()

	err := run.Wait()

	s.lab.Finished(err)
	s.holds(dead, lab.Claim{
		Saw:  fmt.Sprintf("the queue in which parcel-1 died was deleted when parcel-1 was on its way; Replay moved %d, and returned: %v", run.moved, err),
		Want: "parcel-1 is there still",
		Why:  "RabbitMQ confirms what no queue takes, and forgets it, unless it is told to give it back",
	}, "parcel-1")
	s.lab.Check(run.moved == 0, lab.Claim{
		Saw: fmt.Sprintf("parcel-1 could not go back, and Replay returned %d", run.moved), Want: "0", Wire: s.story(), Read: about,
	})
	s.stuck(err, replay.Stuck{ID: "parcel-1", Queue: returns})
}

func TestRefusedStays(t *testing.T) {
	s := newStage(t)
	s.lab.DeleteQueue(returns)
	s.declareReturns(amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	s.dies(returns, "parcel-1")
	s.lab.Put("", returns, order("parcel-2")) // now it is full
	s.dies(inventory, "order-7")

	run := s.replay(10)
	err := run.Wait()

	s.lab.Finished(err)
	s.holds(dead, lab.Claim{
		Saw:  fmt.Sprintf("RabbitMQ refused parcel-1 (basic.nack: its queue is full); Replay moved %d, and returned: %v", run.moved, err),
		Want: "parcel-1 is there still",
		Why:  "a nack says that RabbitMQ doesn't have it: who acks now has thrown it away",
	}, "parcel-1")
	s.holds(inventory, lab.Claim{
		Saw: "RabbitMQ refused a message of another queue",
		Why: "one full queue, and the orders of all others stay dead",
	}, "order-7")
	s.lab.Check(run.moved == 1, lab.Claim{
		Saw: fmt.Sprintf("one of two messages went back, and Replay returned %d", run.moved), Want: "1", Wire: s.story(), Read: about,
	})
	s.stuck(err, replay.Stuck{ID: "parcel-1", Queue: returns})
}

package vhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/wire"
)

func TestAMessageGoesFromPublishToAck(t *testing.T) {
	s := newStage(t, version.V40)
	a, b := s.actor(), s.actor()
	a.does(durable("orders"), &wire.BasicConsume{Queue: "orders", ConsumerTag: "c"})
	b.publishes("", "orders", "tea", "milk")
	require.Equal(t, "declare-ok orders 0 0\nbasic.consume-ok consumer=\"c\"\ndeliver tea\ndeliver milk", a.told())
	require.Empty(t, b.told())
	a.does(&wire.BasicAck{DeliveryTag: 2, Multiple: true})
	require.Equal(t, 0, s.Counts().Unacked)
	a.fails("406 PRECONDITION_FAILED - unknown delivery tag 2", &wire.BasicAck{DeliveryTag: 2})
}

func TestPrefetchHoldsForConsumersToCome(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"))
	a.publishes("", "q", "1", "2", "3", "4")
	a.does(&wire.BasicQos{PrefetchCount: 2}, &wire.BasicConsume{Queue: "q", ConsumerTag: "c"}, &wire.BasicQos{PrefetchCount: 1})
	a.told()
	require.Equal(t, []uint64{1, 2}, a.tags)
	a.does(&wire.BasicAck{DeliveryTag: 1})
	require.Equal(t, "deliver 3", a.told())
	a.does(&wire.BasicConsume{Queue: "q", ConsumerTag: "d"})
	require.Equal(t, "basic.consume-ok consumer=\"d\"\ndeliver 4", a.told())
}

func TestQosGlobalLimitsTheChannel(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), durable("r"))
	a.publishes("", "q", "1", "2")
	a.publishes("", "r", "3", "4")
	a.does(&wire.BasicQos{PrefetchCount: 3, Global: true}, &wire.BasicConsume{Queue: "q"}, &wire.BasicConsume{Queue: "r"})
	require.Equal(t, []uint64{1, 2, 3}, a.tags)
	a.does(&wire.BasicAck{DeliveryTag: 1})
	require.Equal(t, []uint64{1, 2, 3, 4}, a.tags)
}

func TestGlobalQosIsForEachConsumerIn43(t *testing.T) {
	s := newStage(t, version.V43)
	a := s.actor()
	a.does(durable("q"), durable("r"))
	a.publishes("", "q", "1", "2")
	a.publishes("", "r", "3", "4")
	a.does(&wire.BasicQos{PrefetchCount: 1, Global: true}, &wire.BasicConsume{Queue: "q"}, &wire.BasicConsume{Queue: "r"})
	require.Equal(t, []uint64{1, 2}, a.tags)
}

func TestQosRefusesSizes(t *testing.T) {
	newStage(t, version.V40).actor().fails("connection 540 NOT_IMPLEMENTED - prefetch_size!=0 (9)", &wire.BasicQos{PrefetchSize: 9})
}

func TestAConsumerTagIsUsedOnce(t *testing.T) {
	a := newStage(t, version.V40).actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.fails("connection 530 NOT_ALLOWED - attempt to reuse consumer tag 'c'", &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
}

func TestAnEmptyNameMeansTheQueueDeclaredLast(t *testing.T) {
	a := newStage(t, version.V40).actor()
	a.does(&wire.QueueDeclare{Exclusive: true}, &wire.QueueBind{Exchange: "amq.direct"}, &wire.BasicConsume{NoAck: true})
	require.Regexp(t, `^declare-ok amq\.gen-[\w-]{22} 0 0\nqueue.bind-ok\nbasic.consume-ok consumer="amq\.ctag-[\w-]{22}"$`, a.told())
	b := newStage(t, version.V40).actor()
	b.fails("404 NOT_FOUND - no previously declared queue", &wire.BasicConsume{})
}

func TestWhatIsNotAcknowledgedComesBack(t *testing.T) {
	s := newStage(t, version.V40)
	a, b := s.actor(), s.actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.publishes("", "q", "1", "2", "3")
	a.does(&wire.BasicAck{DeliveryTag: 2})
	a.Close()
	b.does(&wire.BasicGet{Queue: "q"}, &wire.BasicGet{Queue: "q"}, &wire.BasicGet{Queue: "q"})
	require.Equal(t, "get-ok 1 again, 1 left\nget-ok 3 again, 0 left\nbasic.get-empty", b.told())
	b.does(&wire.BasicNack{Multiple: true, Requeue: true}, &wire.BasicGet{Queue: "q"}, &wire.BasicReject{DeliveryTag: 3, Requeue: true})
	require.Equal(t, "get-ok 1 again, 1 left", b.told())
	b.does(&wire.BasicGet{Queue: "q"}, &wire.BasicRecover{Requeue: true}, &wire.BasicGet{Queue: "q", NoAck: true})
	require.Equal(t, "get-ok 1 again, 1 left\nbasic.recover-ok\nget-ok 1 again, 1 left", b.told())
	b.fails("connection 540 NOT_IMPLEMENTED - requeue=false", &wire.BasicRecover{})
}

func TestCancelKeepsDeliveriesWithTheChannel(t *testing.T) {
	s := newStage(t, version.V40)
	a := s.actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.publishes("", "q", "1")
	a.does(&wire.BasicCancel{ConsumerTag: "c"}, &wire.BasicCancel{ConsumerTag: "unknown"})
	a.publishes("", "q", "2")
	a.told()
	require.Equal(t, 1, s.depth("q"))
	a.does(&wire.BasicAck{DeliveryTag: 1})
	require.Equal(t, 1, s.depth("q"))
}

func TestDeletingAQueueTellsItsConsumers(t *testing.T) {
	s := newStage(t, version.V40)
	a, b := s.actor(), s.actor()
	a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})
	a.publishes("", "q", "1", "2")
	a.told()
	b.does(&wire.QueueDelete{Queue: "q"})
	require.Equal(t, "queue.delete-ok message-count=0", b.told())
	require.Equal(t, `basic.cancel consumer="c" no-wait`, a.told())
	a.does(&wire.BasicAck{DeliveryTag: 1}, &wire.BasicNack{DeliveryTag: 2, Requeue: true}) // still known
	a.does(durable("q"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"})                 // the tag is free
	a.told()
	a.does(&wire.QueueDelete{Queue: "q"})
	require.Equal(t, "queue.delete-ok message-count=0\nbasic.cancel consumer=\"c\" no-wait", a.told())
}

func TestASlowClientGetsNothingMoreAndHoldsNobodyUp(t *testing.T) {
	s := newStage(t, version.V40)
	slow, quick := s.actor(), s.actor()
	slow.does(durable("q"), durable("r"), &wire.BasicConsume{Queue: "q", ConsumerTag: "c"}, &wire.BasicConsume{Queue: "r", ConsumerTag: "d"})
	slow.told()
	slow.full = true
	quick.publishes("", "q", "1", "2")
	quick.does(&wire.BasicConsume{Queue: "r"})
	quick.publishes("", "r", "3")
	require.Empty(t, slow.told())
	require.Contains(t, quick.told(), "deliver 3")
	slow.full = false
	slow.conn.Resume()
	require.Equal(t, "deliver 1\ndeliver 2", slow.told())
}

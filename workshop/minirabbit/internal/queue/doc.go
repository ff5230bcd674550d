// Package queue has RabbitMQ's classic queues, quorum queues and streams as plain state: what a queue does with a message,
// an acknowledgement, a consumer or the time is decided here. It holds no lock, starts no goroutine and reads no clock: the
// caller serializes the calls and says what time it is.
//
// A caller that changed anything, and one whose NextExpiry has come, calls Next until it says that there is nothing more to
// do: that is when messages are delivered, expire and overflow, in the order in which RabbitMQ does it.
//
//	id, dead, refused := q.Publish(now, m, channel)
//	for {
//		delivery, dead, ok := q.Next(now)
//		… dead-letter or drop what is in dead
//		if !ok {
//			break
//		}
//		… send the delivery to delivery.Consumer
//	}
//
// The behaviour was read in RabbitMQ's source (tags v3.10.8, v4.0.5 and v4.3.5; deps/rabbit/src: rabbit_amqqueue,
// rabbit_amqqueue_process, rabbit_queue_consumers, rabbit_quorum_queue, rabbit_fifo, rabbit_stream_queue) and watched on
// nodes of 3.10.8 and 4.0.5; the guides are rabbitmq.com/docs/queues, quorum-queues, streams, ttl, maxlength, consumers.
//
// What it doesn't do:
//
//   - Priorities of messages: x-max-priority is refused with 540, and the two (4.0) or 32 (4.3) levels that quorum queues
//     have by themselves are one. Delayed retries of 4.3 are refused with 540 too.
//   - Policies: only the arguments of the declaration count.
//   - Streams stumble over decimal numbers in headers in RabbitMQ; here they are kept.
//   - Chunks of streams: each message is a chunk of its own. In RabbitMQ the offset "last", times and filters mean chunks, so a
//     consumer may get messages before the one that it asked for.
//   - Sizes of segments to the byte; retention counts bodies and an estimate of the rest. It takes away whole segments, as
//     RabbitMQ's does: of 500 MB or 256,000 messages, unless the queue says otherwise.
//   - The two faults of RabbitMQ that nobody can want: on 3.10 a publish crashes a classic queue whose single active consumer
//     was cancelled while messages wait, and on 4.0 a quorum queue may forget to choose the next one after a requeue.
package queue

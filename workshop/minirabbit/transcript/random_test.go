package transcript_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/transcript"
)

// TestRandom draws scripts by chance, runs each on minirabbit and on a real broker, and wants the same to be seen. What
// rapid finds and shrinks is a script: it belongs into testdata/scripts.
//
// In a real broker effects come when they come. So minirabbit goes first, and the script for the real one waits for what
// minirabbit showed; only what never comes, and what comes besides, is a difference.
func TestRandom(t *testing.T) {
	brokers, err := transcript.Brokers()
	require.NoError(t, err)
	if len(brokers) == 0 {
		t.Skip("no real broker is named in " + transcript.EnvBrokers + ": there is nothing to compare with")
	}
	for _, b := range brokers {
		version := strings.TrimPrefix(b.Name, "RabbitMQ ")
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			m := mini(t, short(version))
			b.Patience = 5 * time.Second
			rapid.Check(t, func(t *rapid.T) {
				drawn := transcript.Script{Subject: "random", Name: "drawn", Lines: draw(t)}
				first, err := transcript.Run(m, drawn)
				require.NoError(t, err, first.String())
				s := waiting(first.Lines)
				want, err := transcript.Run(b, s)
				require.NoError(t, err, want.String())
				got, err := transcript.Run(m, s)
				require.NoError(t, err, got.String())
				if c := transcript.Compare(s, version, want.Lines, got.Lines, true); c.Problem != "" {
					t.Fatalf("minirabbit differs from RabbitMQ %s:\n%s\nas a script:\n%s", version, c.Problem, strings.Join(s.Lines, "\n"))
				}
			})
		})
	}
}

// waiting makes a script of a transcript that waits for all that the transcript shows, and then looks for more.
func waiting(lines []string) transcript.Script {
	s := transcript.Script{Subject: "random", Name: "waiting"}
	for i, line := range lines {
		if strings.HasPrefix(line, " ") || line == "end" {
			continue
		}
		said := 0
		for i+said+1 < len(lines) && strings.HasPrefix(lines[i+said+1], " ") {
			said++
		}
		switch {
		case strings.HasPrefix(line, "count ") && said == 1:
			var ready, consumers int
			if n, _ := fmt.Sscanf(lines[i+1], "  %d ready, %d consumers", &ready, &consumers); n == 2 {
				line = fmt.Sprintf("%s %d %d", line, ready, consumers)
			}
		case strings.HasSuffix(line, " rest") && said > 0:
			s.Lines = append(s.Lines, fmt.Sprintf("%s %d", strings.Replace(line, " rest", " await", 1), said))
		}
		s.Lines = append(s.Lines, line)
	}
	return s
}

// declarations are the queues of random scripts, each with a feature of its own. Dead letters of all go to d.
var declarations = map[string]string{
	"q": `queue.declare queue=q durable`,
	"l": `queue.declare queue=l args={x-max-length=3 x-dead-letter-exchange="" x-dead-letter-routing-key=d}`,
	"r": `queue.declare queue=r args={x-max-length=3 x-overflow=reject-publish x-dead-letter-exchange=amq.fanout}`,
	"s": `queue.declare queue=s args={x-single-active-consumer=true x-dead-letter-exchange="" x-dead-letter-routing-key=d}`,
	"u": `queue.declare queue=u durable args={x-queue-type=quorum x-delivery-limit=2 x-dead-letter-exchange="" x-dead-letter-routing-key=d}`,
	"w": `queue.declare queue=w durable args={x-queue-type=quorum x-max-length=3 x-overflow=reject-publish x-dead-letter-exchange="" x-dead-letter-routing-key=d}`,
	"d": `queue.declare queue=d`,
}

// names of the queues: those that send dead letters stand before d, which gets them. After each operation they are asked
// for their counts in this order, so that everything has settled.
var names = []string{"q", "l", "r", "s", "u", "w", "d"}

// channels are the channels of a random script and the queue that each consumes from. A channel has one queue only: the
// order of deliveries of two queues is nobody's promise.
var channels = map[string]string{"c1.1": "q", "c1.2": "l", "c2.1": "q", "c2.2": "s", "c3.1": "r", "c3.2": "s", "c4.1": "u", "c4.2": "u", "c5.1": "w"}

// order of channels in a script.
var order = []string{"c1.1", "c1.2", "c2.1", "c2.2", "c3.1", "c3.2", "c4.1", "c4.2", "c5.1"}

// draw makes a script: the queues, then operations by chance, each followed by whatever shows its effects.
func draw(t *rapid.T) []string {
	var lines []string
	for _, name := range names {
		lines = append(lines, "c1.1 "+declarations[name])
	}
	lines = append(lines,
		"c1.1 queue.bind queue=d exchange=amq.fanout",
		"c1.1 exchange.declare exchange=x type=topic args={alternate-exchange=amq.fanout}",
		"c1.1 queue.bind queue=q exchange=x key=a.#",
		"c1.1 queue.bind queue=l exchange=x key=*.b")
	for i := range rapid.IntRange(1, 25).Draw(t, "operations") {
		lines = append(lines, operation(t, i)...)
		for _, name := range names {
			lines = append(lines, "count "+name)
		}
		for _, channel := range order {
			lines = append(lines, channel+" rest")
		}
	}
	return lines
}

// operation draws one operation.
func operation(t *rapid.T, i int) []string {
	channel := rapid.SampledFrom(order).Draw(t, "channel")
	queue := channels[channel]
	tag := rapid.IntRange(1, 6).Draw(t, "tag")
	flag := func(name string) string {
		if rapid.Bool().Draw(t, name) {
			return " " + name
		}
		return ""
	}
	body := fmt.Sprintf(" body=m%d", i)
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "put":
		return []string{"put key=" + rapid.SampledFrom(names).Draw(t, "queue") + body}
	case "topic":
		return []string{"put exchange=x key=" + rapid.SampledFrom([]string{"a", "a.b", "c.b", "a.c.b", "none"}).Draw(t, "key") + flag("mandatory") + body}
	case "consume":
		return []string{
			fmt.Sprintf("%s basic.qos prefetch-count=%d", channel, rapid.IntRange(0, 3).Draw(t, "prefetch")),
			fmt.Sprintf("%s basic.consume queue=%s consumer=%s-%d%s%s args={x-priority=%d}", channel, queue, channel, i,
				flag("no-ack"), rapid.SampledFrom([]string{"", "", "", " exclusive"}).Draw(t, "exclusive"), rapid.IntRange(0, 1).Draw(t, "priority")),
		}
	case "limit":
		return []string{fmt.Sprintf("%s basic.qos prefetch-count=%d global", channel, rapid.IntRange(0, 3).Draw(t, "prefetch"))}
	case "bind":
		verb := rapid.SampledFrom([]string{"bind", "unbind"}).Draw(t, "verb")
		key := rapid.SampledFrom([]string{"a", "a.#", "*", "#.b"}).Draw(t, "key")
		return []string{fmt.Sprintf("%s queue.%s queue=%s exchange=x key=%s", channel, verb, queue, key)}
	case "cancel":
		return []string{fmt.Sprintf("%s basic.cancel consumer=%s-%d", channel, channel, rapid.IntRange(0, 25).Draw(t, "consumer"))}
	case "get":
		return []string{channel + " basic.get queue=" + queue + flag("no-ack")}
	case "ack":
		return []string{fmt.Sprintf("%s basic.ack tag=%d%s", channel, tag, flag("multiple")), channel + " fence"}
	case "nack":
		return []string{fmt.Sprintf("%s basic.nack tag=%d%s%s", channel, tag, flag("multiple"), flag("requeue")), channel + " fence"}
	case "reject":
		return []string{fmt.Sprintf("%s basic.reject tag=%d%s", channel, tag, flag("requeue")), channel + " fence"}
	case "recover":
		return []string{channel + " basic.recover requeue"}
	case "purge":
		return []string{channel + " queue.purge queue=" + queue}
	case "delete":
		conditions := flag("if-empty") + flag("if-unused")
		lines := []string{channel + " queue.delete queue=" + queue + conditions}
		if (queue == "u" || queue == "w") && conditions != "" {
			return lines // it is refused with 540, and a quorum queue learns a moment later that its consumers are gone
		}
		for _, other := range order {
			lines = append(lines, other+" rest") // a queue that is there again too soon keeps consumers from being told
		}
		return append(lines, channel+" "+declarations[queue])
	case "close", "end":
		if kind == "end" {
			connection, _, _ := strings.Cut(channel, ".")
			end := connection + " connection.close code=200 text=bye"
			if queue != "u" {
				return []string{channel + " basic.qos", end}
			}
			// Both channels consume from the queue. Which of them RabbitMQ ends first is chance, and the other one may get what
			// comes back, if only to lose it without an ack. So one ends before the other.
			return []string{"c4.1 basic.qos", "c4.1 channel.close code=200 text=bye", "count u", "c4.2 rest", "c4.2 basic.qos", end}
		}
		return []string{channel + " basic.qos", channel + " channel.close code=200 text=bye"}
	default:
		panic("nobody knows how to " + kind)
	}
}

// kinds of operations; those that stand more than once come more often.
var kinds = []string{
	"put", "put", "put", "topic", "topic", "consume", "consume", "cancel", "get", "get",
	"ack", "ack", "ack", "nack", "nack", "reject", "recover", "limit", "bind", "bind", "purge", "delete", "close", "end",
}

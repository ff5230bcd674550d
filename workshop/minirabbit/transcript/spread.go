package transcript

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"warren.example/workshop/minirabbit/transcript/client"
	"warren.example/workshop/minirabbit/transcript/notation"
	"warren.example/workshop/wire"
)

// spread compares where a hashing exchange puts keys by what is promised, not by where: spread exchange=x keys=300
// queues=a:1,b:2 publishes 300 keys, each twice, and writes how many messages came, whether the two of a key came to the
// same queue, and whether each queue's share is right by its weight, within a half of it.
func (r *session) spread(words []string) error {
	fields := map[string]string{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		fields[name] = value
	}
	keys, err := strconv.Atoi(fields["keys"])
	if err != nil {
		return fmt.Errorf("spread how many keys? %w", err)
	}
	c, err := r.use(0)
	if err != nil {
		return err
	}
	if err := r.open(c, 3); err != nil {
		return err
	}
	if err := c.Send(3, &wire.ConfirmSelect{}, nil); err != nil {
		return err
	}
	r.answer(c, 3, []string{"confirm.select-ok"}, true)
	for i := range 2 * keys {
		m := &wire.BasicPublish{Exchange: fields["exchange"], RoutingKey: fmt.Sprintf("key-%d", i%keys)}
		if err := c.Send(3, m, &notation.Content{}); err != nil {
			return err
		}
	}
	ch := c.channel(3)
	for ch.missing(uint64(2 * keys)) {
		e, ok := c.Take(3, r.deadline(), func(client.Event) bool { return true })
		ack, isAck := e.Method.(*wire.BasicAck)
		if !ok || !isAck {
			r.timeout("no confirm")
			return nil
		}
		ch.settle("ack", ack.DeliveryTag, ack.Multiple)
	}
	return r.shares(fields["queues"], keys)
}

func (r *session) shares(queues string, keys int) error {
	seen, total, weights := map[string][]string{}, 0, 0.0
	got, want := map[string]float64{}, map[string]float64{}
	for _, part := range strings.Split(queues, ",") {
		queue, weightText, _ := strings.Cut(part, ":")
		weight, err := strconv.ParseFloat(weightText, 64)
		if err != nil {
			return fmt.Errorf("spread: weight of %s: %w", queue, err)
		}
		want[queue] = weight
		weights += weight
		for {
			e, ok, err := r.look(&wire.BasicGet{Queue: queue, NoAck: true})
			if err != nil || !ok {
				return err
			}
			m, is := e.Method.(*wire.BasicGetOk)
			if !is {
				break
			}
			total++
			got[queue]++
			seen[m.RoutingKey] = append(seen[m.RoutingKey], queue)
		}
	}
	steady, fair := true, true
	for _, places := range seen {
		steady = steady && len(places) == 2 && places[0] == places[1]
	}
	for queue, weight := range want {
		share := weight / weights * float64(2*keys)
		fair = fair && math.Abs(got[queue]-share) <= share/2
	}
	r.say("%d messages of %d, each key in one queue: %t, shares by weight: %t", total, 2*keys, steady, fair)
	return nil
}

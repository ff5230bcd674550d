package main

import (
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// says prints a station: where the order is, its x-death as it is and read aloud, and what happens there.
func (j *journey) says(queue string, headers amqp.Table, then string) {
	j.station++
	lines := []string{"no x-death: it has not died yet."}
	if list, ok := headers["x-death"].([]any); ok {
		lines = nil
		for i, entry := range list {
			lines = append(lines, fmt.Sprintf("%-24s %s", plain(entry), aloud(entry, i == 0)))
		}
	}
	for i, line := range append(lines, then) {
		place := ""
		if i == 0 {
			place = fmt.Sprintf("%d %s", j.station, queue)
		}
		fmt.Fprintf(j.out, "%-14s %s\n", place, line)
	}
}

// plain is an entry of x-death as it is, without the fields that say the same in all entries here.
func plain(entry any) string {
	t, _ := entry.(amqp.Table)
	return fmt.Sprintf("%v %v %v", t["queue"], t["reason"], t["count"])
}

// reasons tells why a message dies (rabbitmq.com/docs/dlx).
var reasons = map[string]string{
	"rejected":       "its consumer rejected it",
	"expired":        "its time was over",
	"maxlen":         "the queue was full",
	"delivery_limit": "it was delivered too often",
}

// aloud is an entry of x-death in English. The first entry is the latest.
func aloud(entry any, latest bool) string {
	t, _ := entry.(amqp.Table)
	queue, _ := t["queue"].(string)
	reason, _ := t["reason"].(string)
	count, _ := t["count"].(int64)
	when := "before, it died"
	if latest {
		when = "it died"
	}
	times := ""
	switch {
	case count > 1 && latest:
		times = fmt.Sprintf(", %d times now", count)
	case count > 1:
		times = fmt.Sprintf(", %d times", count)
	}
	why, ok := reasons[reason]
	if !ok {
		why = reason
	}
	return fmt.Sprintf("%s in %s%s: %s", when, strings.TrimPrefix(queue, "demo."), times, why)
}

package vhost

import (
	"slices"

	"warren.example/workshop/minirabbit/internal/field"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/queue"
	"warren.example/workshop/wire"
)

// The fields of an entry of the header x-death (rabbitmq.com/docs/dlx#effects).
const (
	deathsHeader = "x-death"
	deathCount   = "count"
	deathReason  = "reason"
	deathQueue   = "queue"
)

// bury returns the message as it goes to the dead-letter exchange of the queue it died in: addressed anew, without expiration,
// and with one more death in its headers.
func (h *Host) bury(m *message.Message, s *queue.Settings, reason string) *message.Message {
	old, first := h.deathsOf(m)
	deaths := h.addDeath(old, m, s.Name, reason)
	headers := slices.Clone(m.Properties.Headers)
	set := func(name string, v wire.Value) { headers = setField(headers, name, v) }
	if first {
		set("x-first-death-reason", wire.String(reason))
		set("x-first-death-queue", wire.String(s.Name))
		set("x-first-death-exchange", wire.String(m.Exchange))
	}
	if h.version.LastDeathHeaders() {
		set("x-last-death-reason", wire.String(reason))
		set("x-last-death-queue", wire.String(s.Name))
		set("x-last-death-exchange", wire.String(m.Exchange))
	}
	set(deathsHeader, deaths)
	dead := *m
	dead.Exchange, dead.Deaths = *s.DeadLetterExchange, deaths
	if s.DeadLetterKey != nil {
		dead.RoutingKey, dead.More, dead.Hidden = *s.DeadLetterKey, nil, 0
		if h.version.DropsCC() {
			headers = slices.DeleteFunc(headers, func(f wire.Field) bool { return f.Name == "CC" })
		}
	}
	dead.Properties.Expiration = nil
	dead.Properties.Headers = sortedHeaders(headers)
	return &dead
}

// deathsOf returns the deaths that count, and whether there is none, so that the coming one is the first. Until 3.12 RabbitMQ
// believes the header, though a client may have put it there; since then only itself.
func (h *Host) deathsOf(m *message.Message) (deaths wire.Array, first bool) {
	if !h.version.TrustsClientDeaths() {
		return m.Deaths, len(m.Deaths) == 0
	}
	v, ok := m.Header(deathsHeader)
	if !ok {
		return nil, true
	}
	deaths, _ = v.(wire.Array) // anything else is forgotten, but counts as an earlier death
	return deaths, false
}

// addDeath returns the deaths with one more: a new entry in front, or the one for this queue and reason, with a higher count,
// moved to the front. The others keep their order, except that versions which turn it do so each time.
func (h *Host) addDeath(deaths wire.Array, m *message.Message, queue, reason string) wire.Array {
	if h.version.TurnsDeaths() {
		deaths = slices.Clone(deaths)
		slices.Reverse(deaths)
	}
	i := slices.IndexFunc(deaths, func(v wire.Value) bool { return diedOf(v, queue, reason) })
	var last wire.Table
	if i < 0 {
		last = h.newDeath(m, queue, reason)
	} else {
		last = slices.Clone(deaths[i].(wire.Table))
		n := int64(1)
		if v, ok := last.Get(deathCount); ok {
			count, _ := field.Integer(v) // 0 if it is none
			n = count + 1
		}
		last = setField(last, deathCount, wire.Int64(n))
	}
	if h.version.TrustsClientDeaths() && deaths != nil {
		last = sortedHeaders(last)
	}
	all := wire.Array{last}
	for j, other := range deaths {
		if j != i && !diedOf(other, queue, reason) {
			all = append(all, other)
		}
	}
	return all
}

// newDeath describes a death. The time is that of the first death of its kind, in seconds; the keys are those the message was
// published with, without BCC.
func (h *Host) newDeath(m *message.Message, queue, reason string) wire.Table {
	keys := wire.Array{wire.String(m.RoutingKey)}
	for _, key := range m.More[:len(m.More)-m.Hidden] {
		keys = append(keys, wire.String(key))
	}
	death := wire.Table{
		{Name: deathCount, Value: wire.Int64(1)},
		{Name: deathReason, Value: wire.String(reason)},
		{Name: deathQueue, Value: wire.String(queue)},
		{Name: "time", Value: wire.TimestampOf(h.now)},
		{Name: "exchange", Value: wire.String(m.Exchange)},
		{Name: "routing-keys", Value: keys},
	}
	if m.Properties.Expiration == nil {
		return death
	}
	expiration := wire.Field{Name: "original-expiration", Value: wire.String(*m.Properties.Expiration)}
	if h.version.TrustsClientDeaths() {
		return append(death, expiration)
	}
	return slices.Insert(death, 0, expiration)
}

func diedOf(v wire.Value, queue, reason string) bool {
	return deathField(v, deathQueue) == queue && deathField(v, deathReason) == reason
}

// deathField returns a text of an entry of x-death, and "" if there is none.
func deathField(v wire.Value, name string) string {
	entry, _ := v.(wire.Table)
	v, _ = entry.Get(name)
	text, _ := v.(wire.String)
	return string(text)
}

// circular tells whether a message with these deaths would come back to the queue in which it died before, with nobody having
// rejected it since: nothing would ever stop it (rabbit_dead_letter:detect_cycles).
func circular(queue string, deaths wire.Array) bool {
	for _, v := range deaths {
		if _, ok := v.(wire.Table); !ok || deathField(v, deathReason) == "rejected" {
			return false
		}
		if deathField(v, deathQueue) == queue {
			return true
		}
	}
	return false
}

// setField sets a field of a table that nobody else has.
func setField(t wire.Table, name string, v wire.Value) wire.Table {
	for i := range t {
		if t[i].Name == name {
			t[i].Value = v
			return t
		}
	}
	return append(t, wire.Field{Name: name, Value: v})
}

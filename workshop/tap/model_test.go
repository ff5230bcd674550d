package tap_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

// TestConfirmsAgreeWithTheModel plays random conversations, disturbed by random rules, and compares after each move what
// the client knows of its publishes with what it should know. The model is simple because it knows who a confirm is about:
// it has no numbers of the broker's and no multiple on the way to the client.
func TestConfirmsAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	const games, moves = 150, 80
	for seed := range uint64(games) {
		g := newGame(t, seed)
		for range moves {
			g.move()
			g.compare()
		}
		for len(g.rules) > 0 {
			g.remove()
			g.compare()
		}
		require.NoError(t, g.Close())
	}
}

// verdict is what the client hears about a publish; empty if it has heard nothing.
type verdict string

const (
	stored  verdict = "ack"
	refused verdict = "nack"
)

// confirm is what the broker says about some publishes.
type confirm struct {
	about []int
	says  verdict
}

// game is one conversation and its model.
type game struct {
	*script
	random *rand.Rand
	moves  []string // for the reader of a failure

	// The model. Publishes have the client's numbers.
	published int
	faults    map[int]tap.Fault // what is meant for a publish, if anything is
	rules     map[int]*tap.Rule // the rule of it, if it can be removed; 0 is the rule for confirms
	want      map[int]verdict   // what the client should have heard
	kept      map[int]verdict   // confirms that HoldConfirm keeps
	held      []confirm         // confirms that Hold keeps
	atBroker  []int             // the publishes that the broker has, in the order in which it got them
	open      map[int]bool      // those of them that it has not confirmed

	heard map[int]verdict // what the client has heard
}

func newGame(t *testing.T, seed uint64) *game {
	return &game{
		script: playConfirms(t), random: rand.New(rand.NewPCG(seed, 0)), moves: []string{fmt.Sprint("seed ", seed)},
		faults: map[int]tap.Fault{}, rules: map[int]*tap.Rule{}, want: map[int]verdict{},
		kept: map[int]verdict{}, open: map[int]bool{}, heard: map[int]verdict{},
	}
}

func (g *game) note(format string, args ...any) {
	g.moves = append(g.moves, fmt.Sprintf(format, args...))
}

// move does one random thing.
func (g *game) move() {
	switch n := g.random.IntN(20); {
	case n < 10:
		g.publish()
	case n < 17:
		g.confirm()
	case n < 19:
		g.remove()
	case g.rules[0] == nil:
		g.disturbConfirms()
	}
}

// publish publishes one message, half of the time with a rule that is meant for it alone.
func (g *game) publish() {
	g.published++
	number := g.published
	faults := []tap.Fault{
		tap.Drop{On: nthPublish(1)}, tap.Refuse{On: nthPublish(1)}, tap.Hold{On: nthPublish(1)},
		tap.NackForAck{On: nthPublish(1)}, tap.HoldConfirm{On: nthPublish(1)},
	}
	if i := g.random.IntN(2 * len(faults)); i < len(faults) {
		g.faults[number] = faults[i]
		g.rules[number] = g.Add(faults[i])
	}
	g.note("publish %d, %v", number, g.faults[number])
	g.client.publish(fmt.Sprint(number))
	switch g.faults[number].(type) {
	case nil, tap.NackForAck, tap.HoldConfirm:
		g.arrives(number)
		return
	case tap.Refuse:
		g.want[number] = refused
	}
	require.NoError(g.t, g.rules[number].Wait(within(g.t)), "the tap has the publish")
}

// arrives makes the broker take a publish.
func (g *game) arrives(number int) {
	require.Equal(g.t, fmt.Sprint(number), g.broker.hear().body)
	g.atBroker = append(g.atBroker, number)
	g.open[number] = true
}

// confirm makes the broker confirm one publish, or all up to one.
func (g *game) confirm() {
	if len(g.open) == 0 {
		return
	}
	last := g.random.IntN(len(g.atBroker))
	for !g.open[g.atBroker[last]] {
		last = g.random.IntN(len(g.atBroker))
	}
	says, multiple := []verdict{stored, stored, refused}[g.random.IntN(3)], g.random.IntN(2) == 0
	about := g.atBroker[last : last+1]
	if multiple {
		about = g.atBroker[:last+1]
	}
	c := confirm{says: says}
	for _, number := range about {
		if g.open[number] {
			c.about = append(c.about, number)
			delete(g.open, number)
		}
	}
	method := wire.Method(&wire.BasicAck{DeliveryTag: uint64(last + 1), Multiple: multiple})
	if says == refused {
		method = &wire.BasicNack{DeliveryTag: uint64(last + 1), Multiple: multiple, Requeue: true}
	}
	g.note("%s, about %v", method, c.about)
	g.broker.say(1, method)
	switch g.faults[0].(type) {
	case nil:
		g.tell(c)
	case tap.Hold:
		g.held = append(g.held, c)
	}
}

// tell is what a confirm that comes through should make of each publish.
func (g *game) tell(c confirm) {
	for _, number := range c.about {
		switch g.faults[number].(type) {
		case tap.HoldConfirm:
			g.kept[number] = c.says
		case tap.NackForAck:
			g.want[number] = refused
		default:
			g.want[number] = c.says
		}
	}
}

// disturbConfirms drops or holds confirms from now on.
func (g *game) disturbConfirms() {
	on := tap.Trigger{Filter: tap.Filter{From: tap.Broker, Where: func(e tap.Event) bool {
		return e.Name() == "basic.ack" || e.Name() == "basic.nack"
	}}}
	g.faults[0] = []tap.Fault{tap.Drop{On: on}, tap.Hold{On: on}}[g.random.IntN(2)]
	g.note("%v", g.faults[0])
	g.rules[0] = g.Add(g.faults[0])
}

// remove removes a rule, which lets go what it held.
func (g *game) remove() {
	if len(g.rules) == 0 {
		return
	}
	numbers := slices.Sorted(maps.Keys(g.rules))
	number := numbers[g.random.IntN(len(numbers))]
	fault := g.faults[number]
	g.note("remove %d, %v", number, fault)
	g.fence() // what was said before is subject to the rule
	g.rules[number].Remove()
	delete(g.rules, number)
	delete(g.faults, number)
	switch fault.(type) {
	case tap.HoldConfirm:
		if says, ok := g.kept[number]; ok {
			g.want[number] = says
			delete(g.kept, number)
		}
	case tap.Drop, tap.Refuse: // too late
	case tap.Hold:
		if number > 0 {
			g.arrives(number)
			return
		}
		for _, c := range g.held {
			g.tell(c)
		}
		g.held = nil
	}
}

// fence lets the client hear all that the broker said.
func (g *game) fence() {
	g.broker.say(1, sentinel)
	for {
		switch m := g.client.hear().method.(type) {
		case *wire.BasicQosOk:
			return
		case *wire.BasicAck:
			g.hear(m.DeliveryTag, m.Multiple, stored)
		case *wire.BasicNack:
			g.hear(m.DeliveryTag, m.Multiple, refused)
		default:
			require.Fail(g.t, "the client hears "+m.Name())
		}
	}
}

// hear does what a client does with a confirm.
func (g *game) hear(tag uint64, multiple bool, says verdict) {
	about := 0
	for number := 1; number <= int(tag); number++ {
		if number == int(tag) || multiple && g.heard[number] == "" {
			require.Empty(g.t, g.heard[number], "heard again of %d\n%s", number, strings.Join(g.moves, "\n"))
			g.heard[number] = says
			about++
		}
	}
	require.NotZero(g.t, about)
}

// compare makes sure that the client knows what it should, no less and no more.
func (g *game) compare() {
	g.fence()
	require.Equal(g.t, g.want, g.heard, strings.Join(g.moves, "\n"))
}

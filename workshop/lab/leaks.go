package lab

import (
	"context"
	"fmt"
	"time"

	"warren.example/workshop/tap"
)

// leakDeadline is how long goroutines and connections may take to go after the learner's functions have returned.
const leakDeadline = 2 * time.Second

// end is the end of the test: it stops what runs, judges what stays, and closes what the lab opened. A test that
// failed is not judged again.
//
//	calls stopped → the learner's connections closed? → his goroutines gone? → the lab's connections closed
func (l *Lab) end() {
	l.stopCalls()
	if !l.t.Failed() && !l.t.Skipped() && !l.crashed.Load() {
		l.judgeEnd()
	}
	l.drawAll()
	l.Tap.CutAll() // closing in an orderly way may hang: the test may have paused the broker
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close() // it is cut: this ends what the client still runs
	}
	l.direct.close()
}

// stopCalls ends every call that still runs, and waits for all. One that doesn't end fails the test; nobody waits for
// those of a test that failed already, or of a process that crashed.
func (l *Lab) stopCalls() {
	calls := l.allCalls()
	for _, c := range calls {
		c.Stop()
	}
	if l.t.Failed() {
		return
	}
	if l.crashed.Load() {
		l.report()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.Patience(defaultDeadline))
	defer cancel()
	for _, c := range calls {
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	}
	if l.report() {
		return
	}
	for _, c := range calls {
		if c.Running() {
			l.print(Claim{
				Saw:  fmt.Sprintf("%s runs on %s after its ctx has ended%s", c.name, l.Patience(defaultDeadline), c.standing()),
				Want: c.name + " returns when its ctx ends",
				Why:  "a program that can't be stopped gets killed, in the middle of its work",
			})
			return
		}
	}
}

// judgeEnd reports the first thing that the learner's code left open or running.
func (l *Lab) judgeEnd() {
	tidy := l.poll(l.Patience(leakDeadline), func() bool { return len(l.Connections()) == 0 })
	if !tidy {
		open := l.Connections()
		l.print(Claim{
			Saw:  fmt.Sprintf("%s left open when the test ended", plural(len(open), "connection")),
			Want: "who opens a connection closes it, whatever happens",
			Why:  "each one costs the broker memory and a file handle, until no service can connect any more",
			Wire: l.opening(open[0]),
		})
		return
	}
	var left []goroutine
	l.poll(l.Patience(leakDeadline), func() bool {
		left = l.leftGoroutines()
		return len(left) == 0
	})
	if len(left) > 0 {
		l.print(Claim{
			Saw:  fmt.Sprintf("%s left running when the test ended%s", plural(len(left), "goroutine"), whereabouts(left)),
			Want: "all goroutines have ended when the function that started them has returned",
			Why:  "they pile up with every call, and what they hold stays in memory until the process dies",
		})
	}
}

// leftGoroutines returns what the learner's calls started and what runs still. The client's own goroutines are not
// the learner's: they end with their connection, and connections are judged apart.
func (l *Lab) leftGoroutines() []goroutine {
	var left []goroutine
	for _, g := range goroutines(labLabel, l.id) {
		if !isClients(g.root()) {
			left = append(left, g)
		}
	}
	return left
}

// opening is the Wire for a connection that was left open: how it came, and what was last said on it.
func (l *Lab) opening(c tap.Connection) string {
	shown := l.Tap.Recording().Find(tap.Filter{Conn: c.ID, Method: "connection.open"})
	said := l.Tap.Recording().Find(tap.Filter{Conn: c.ID, From: tap.Client, Where: matters})
	if len(said) > 0 {
		shown = append(shown, said[len(said)-1])
	}
	if len(shown) == 0 {
		return "nothing was said on it"
	}
	return l.Wire(shown...) + " · no connection.close"
}

// plural is "1 goroutine was", "3 goroutines were".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " was"
	}
	return fmt.Sprintf("%d %ss were", n, thing)
}

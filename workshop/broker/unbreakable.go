package broker

import (
	"context"
	"time"
)

// Unbreakable is a node that may be used but not touched: a shared one, or one that somebody else runs. All its methods
// but Info return an *UnsupportedError that names Source.
type Unbreakable struct {
	Address Info
	Source  string // who can't: "the shared broker of RabbitMQ 3.10.8 (native)"
}

var _ Node = Unbreakable{}

// Info returns Address.
func (u Unbreakable) Info() Info { return u.Address }

// Kill refuses.
func (u Unbreakable) Kill(context.Context) error { return u.lacks(Breakable) }

// Stop refuses.
func (u Unbreakable) Stop(context.Context) error { return u.lacks(Breakable) }

// Start refuses.
func (u Unbreakable) Start(context.Context) error { return u.lacks(Breakable) }

// Pause refuses.
func (u Unbreakable) Pause(context.Context) error { return u.lacks(Breakable) }

// Resume refuses.
func (u Unbreakable) Resume(context.Context) error { return u.lacks(Breakable) }

// Alarm refuses: it would block the connections of everybody.
func (u Unbreakable) Alarm(context.Context, bool) error { return u.lacks(Alarms) }

// Advance refuses.
func (u Unbreakable) Advance(context.Context, time.Duration) error { return u.lacks(Clock) }

func (u Unbreakable) lacks(a Ability) error { return &UnsupportedError{Ability: a, Source: u.Source} }

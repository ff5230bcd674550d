// Package shipping packs what is paid and shows where it is. Picking is simulated: after a while a parcel is packed, sent,
// delivered.
package shipping

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is what is known of shipping.
var Definition = service.Definition{
	Name:  "shipping",
	About: "packs what is paid, and shows where it is",
	Hears: []string{"order.confirmed", "order.cancelled", "order.refunded", "parcel.moved"},
	Store: &store.Migrations{Name: "shipping", FS: migrations},
	New:   New,
}

type shipping struct {
	db   *store.DB
	box  *outbox.Box
	log  *slog.Logger
	now  func() time.Time
	step time.Duration // how long each step of a parcel takes
}

// New returns the service.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	s := &shipping{db: env.DB, box: env.Box, log: env.Log, now: env.Now, step: env.Config.Parcel}

	// Nobody waits for an answer to these commands: shipping sends them to itself. So none is given again.
	commands := inbox.Handlers{}
	inbox.On(commands, s.pick)
	inbox.On(commands, s.pickFirst)

	events := inbox.Handlers{}
	inbox.On(events, s.confirmed)
	inbox.On(events, s.cancelled)
	inbox.On(events, s.refunded)
	inbox.On(events, s.moved)

	return &service.Service{
		HTTP:     s.routes(),
		Commands: commands,
		Events:   events,
		Jobs:     []service.Job{{Name: "move parcels", Run: s.moveParcels}},
	}, nil
}

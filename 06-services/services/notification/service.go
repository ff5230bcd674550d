// Package notification tells customers what happens to them. A mail is a row of its database: there is no SMTP.
package notification

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"text/template"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/inbox"
	"warren.example/06-services/outbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

//go:embed texts
var texts embed.FS // by type of message

// Definition is what is known of notification. It hears no user.purchase: order.confirmed says the same.
var Definition = service.Definition{
	Name:  "notification",
	About: "tells customers what happens to them",
	Calls: []string{"user"}, // for the keys that tokens are checked with
	Hears: []string{"user.signup", "user.login", "order.placed", "order.confirmed", "order.cancelled", "order.refunded",
		"news.recall", "news.offer"},
	Store: &store.Migrations{Name: "notification", FS: migrations},
	New:   New,
}

type notification struct {
	db    *store.DB
	box   *outbox.Box
	log   *slog.Logger
	now   func() time.Time
	texts *template.Template
	read  map[string]func(events.Message) (any, error) // Decode, by type
}

// New returns the service.
func New(_ context.Context, env *service.Env) (*service.Service, error) {
	written, err := template.ParseFS(texts, "texts/*.txt")
	if err != nil {
		return nil, fmt.Errorf("read the texts of mails: %w", err)
	}
	s := &notification{db: env.DB, box: env.Box, log: env.Log, now: env.Now, texts: written.Option("missingkey=error"),
		read: map[string]func(events.Message) (any, error){}}

	h := inbox.Handlers{}
	hear(s, h, s.signup)
	hear(s, h, tell(s, func(p events.UserLogin) string { return p.User }))
	hear(s, h, tell(s, func(p events.OrderPlaced) string { return p.Customer }))
	hear(s, h, tell(s, func(p events.OrderConfirmed) string { return p.Customer }))
	hear(s, h, tell(s, func(p events.OrderCancelled) string { return p.Customer }))
	hear(s, h, tell(s, func(p events.OrderRefunded) string { return p.Customer }))
	hear(s, h, s.recall)
	hear(s, h, s.offer)

	return &service.Service{HTTP: s.routes(env.Verifier), Events: h}, nil
}

// Package user knows the customers: it registers them, logs them in, and tells the other services who they are.
//
//	user.go      who a customer is
//	accounts.go  what the service does: register, log in, change; rules, repository and messages come together here
//	password.go  bcrypt, and why an unknown address takes as long as a wrong password
//	keyring.go   the keys that sign tokens
//	store.go     the repository of users, refresh.go that of refresh tokens
//	http.go      its HTTP, token.go the part that RFC 6749 prescribes, grpc.go its gRPC, handlers.go its messages
package user

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"warren.example/06-services/api/userpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/inbox"
	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is the user service.
var Definition = service.Definition{
	Name:  "user",
	About: "customers: registration, tokens, profiles",
	Hears: []string{"order.confirmed"},
	Store: &store.Migrations{Name: "user", FS: migrations},
	New:   New,
}

// New makes the service. If the configuration has an administrator who isn't there yet, it makes the account, too.
func New(ctx context.Context, env *service.Env) (*service.Service, error) {
	ring := &keyring{db: env.DB, life: cmp.Or(env.Config.TokenLife, auth.DefaultLife), now: env.Now}
	if err := ring.renew(ctx); err != nil {
		return nil, fmt.Errorf("make a key for tokens: %w", err)
	}
	passwords, err := newPasswords(env.Config.PasswordCost)
	if err != nil {
		return nil, err
	}
	a := &accounts{db: env.DB, box: env.Box, ring: ring, passwords: passwords, now: env.Now, log: env.Log}
	if admin := env.Config.Admin; admin.Password != "" {
		if err := a.ensureAdmin(ctx, admin.Email, admin.Password); err != nil {
			return nil, fmt.Errorf("make the administrator: %w", err)
		}
	}
	events := make(inbox.Handlers)
	inbox.On(events, a.orderConfirmed)
	return &service.Service{
		HTTP:   (&server{accounts: a, ring: ring, log: env.Log, observe: env.Observe}).routes(env.Verifier),
		GRPC:   func(r grpc.ServiceRegistrar) { userpb.RegisterUsersServer(r, &grpcServer{accounts: a}) },
		Events: events,
		Jobs:   []service.Job{{Name: "signing keys", Run: ring.run}},
	}, nil
}

// How long things last.
const (
	refreshLife = 30 * 24 * time.Hour // a refresh token that nobody uses
	keyAge      = 30 * 24 * time.Hour // a key, until there is the next
	keyWarmUp   = time.Hour           // a key is shown before it signs, so that who keeps keys has fetched it
)

// customer is what a token says of u.
func (u User) customer() auth.Customer { return auth.Customer{ID: u.ID, Admin: u.Admin} }

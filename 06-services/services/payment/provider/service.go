// Package provider plays a payment provider: a small HTTP server with a memory of its own, as a bank has one. It is simulated,
// but its rules are those of real ones: what is asked for twice under one idempotency key happens once, and who doesn't know
// what became of a charge can ask (lookup) or end it (void). These two always answer.
//
// The amount in minor units decides what happens, so every path can be tried with curl:
//
//		…13  the charge is declined
//		…77  the charge is never answered, and nothing is captured: a void wins
//		…99  the charge is captured, but the answer is lost; asked again, it is given
//		…66  a refund of so much fails twice, and succeeds then
//		…67  a refund of so much always fails
//
//	  - ending.go: these rules
//	  - http.go: what can be asked
//	  - store.go: the memory
package provider

import (
	"context"
	"embed"
	"time"

	"warren.example/06-services/service"
	"warren.example/06-services/store"
)

//go:embed migrations
var migrations embed.FS

// Definition is the provider. It knows nothing of messages: it is somebody else's.
var Definition = service.Definition{
	Name:  "provider",
	About: "the payment provider, simulated: the amount decides the outcome",
	Store: &store.Migrations{Name: "provider", FS: migrations},
	New: func(_ context.Context, env *service.Env) (*service.Service, error) {
		return &service.Service{HTTP: New(env.DB, env.Log, silence)}, nil
	},
}

// silence is how long a charge that is never answered is held, at most: the client leaves before that.
const silence = 10 * time.Second

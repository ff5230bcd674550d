package user

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"warren.example/06-services/auth"
	"warren.example/06-services/events"
	"warren.example/06-services/outbox"
	"warren.example/06-services/store"
)

// What accounts says no with. Everything else is a failure of the service itself.
var (
	errTaken   = errors.New("somebody has this address already")
	errUnknown = errors.New("no such user")
	errGrant   = errors.New("address, password or refresh token is wrong")
)

// accounts is what the service does, whoever asks: HTTP, gRPC or a message. It knows neither; it has the rules, the repository
// (users, refreshTokens) and the messages that tell others.
type accounts struct {
	db        *store.DB
	box       *outbox.Box
	ring      *keyring
	passwords *passwords
	now       func() time.Time
	log       *slog.Logger
}

// register makes a customer of somebody, and tells the others. What r says has been checked by its tags.
func (a *accounts) register(ctx context.Context, r Registration) (User, error) {
	return a.insert(ctx, r.profile(), r.Password, false)
}

func (a *accounts) insert(ctx context.Context, p Profile, password string, admin bool) (User, error) {
	hash, err := a.passwords.hash(password) // takes long, so not within the transaction
	if err != nil {
		return User{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return User{}, fmt.Errorf("make an id: %w", err)
	}
	u := User{ID: id.String(), Admin: admin, Version: 1}
	u.apply(p)
	err = a.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if err := (users{tx}).insert(ctx, u, hash, a.now()); err != nil {
			return err
		}
		return sendSignup(ctx, tx, u)
	})
	return u, err
}

// ensureAdmin makes the administrator's account. One that is there stays as it is, with its password: who only knows the
// configuration takes over nobody's account.
func (a *accounts) ensureAdmin(ctx context.Context, email, password string) error {
	_, err := a.insert(ctx, Profile{Name: "Administrator", Email: email}, password, true)
	if !errors.Is(err, errTaken) {
		return err
	}
	u, _, err := users{a.db}.byEmail(ctx, email)
	if err == nil && !u.Admin {
		a.log.Warn("the administrator's address belongs to a customer, who stays one", "user", u.ID)
	}
	return err
}

// profile returns a user, or errUnknown.
func (a *accounts) profile(ctx context.Context, id string) (User, error) {
	return users{a.db}.byID(ctx, id)
}

// change changes what users may change of themselves, and tells the others.
func (a *accounts) change(ctx context.Context, id string, p Profile) (u User, err error) {
	err = a.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if u, err = (users{tx}).update(ctx, id, p); err != nil {
			return err
		}
		return sendSignup(ctx, tx, u)
	})
	return u, err
}

// Tokens is the answer to who logs in (RFC 6749, section 5.1).
type Tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Seconds int64  `json:"expires_in"`
	Refresh string `json:"refresh_token"`
}

// login gives tokens for address and password, or errGrant.
func (a *accounts) login(ctx context.Context, email, password string) (Tokens, error) {
	u, hash, err := users{a.db}.byEmail(ctx, email)
	if err != nil && !errors.Is(err, errUnknown) {
		return Tokens{}, err
	}
	if !a.passwords.match(hash, password) { // hash is empty for an unknown user
		return Tokens{}, errGrant
	}
	signer, err := a.ring.signer(ctx)
	if err != nil {
		return Tokens{}, err
	}
	refresh := newRefreshToken("")
	tokens, err := sign(signer, u, refresh)
	if err != nil {
		return Tokens{}, err
	}
	err = a.box.Do(ctx, func(ctx context.Context, tx *outbox.Tx) error {
		if err := (refreshTokens{tx}).begin(ctx, u.ID, refresh, a.now()); err != nil {
			return err
		}
		return tx.Send(ctx, events.UserLogin{User: u.ID}, events.About{Correlation: u.ID})
	})
	return tokens, err
}

// refresh gives new tokens for a refresh token, which is used up by that, or errGrant.
func (a *accounts) refresh(ctx context.Context, token string) (tokens Tokens, err error) {
	signer, err := a.ring.signer(ctx)
	if err != nil {
		return Tokens{}, err
	}
	next := newRefreshToken(family(token))
	known := false
	err = a.db.Do(ctx, func(tx store.Querier) error {
		id, err := refreshTokens{tx}.replace(ctx, token, next, a.now())
		if err != nil || id == "" {
			return err
		}
		known = true
		u, err := users{tx}.byID(ctx, id)
		if err != nil {
			return err
		}
		tokens, err = sign(signer, u, next)
		return err
	})
	if err == nil && !known {
		err = errGrant
	}
	return tokens, err
}

func sign(signer auth.Signer, u User, refresh string) (Tokens, error) {
	access, err := signer.Sign(u.customer())
	return Tokens{Access: access, Type: "Bearer", Seconds: int64(signer.Life.Seconds()), Refresh: refresh}, err
}

// sendSignup tells the others who a customer is.
func sendSignup(ctx context.Context, tx *outbox.Tx, u User) error {
	return tx.Send(ctx, events.UserSignup{User: u.ID, FullName: u.Name, Email: u.Email, Interests: u.Interests},
		events.About{Correlation: u.ID, Version: u.Version})
}

package auth

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	leeway   = 5 * time.Second  // how far clocks of two machines may differ
	pause    = 2 * time.Second  // at least, between two fetches: anybody can send tokens with keys that nobody has
	keep     = 10 * time.Minute // after this the keys are fetched again: one may have been withdrawn
	patience = 3 * time.Second  // for one fetch
)

// ErrInvalid is what Verify's error wraps if the token is no good. Any other error says that the keys can't be had: nobody
// knows.
var ErrInvalid = errors.New("invalid token")

// A Verifier checks tokens against the public keys of the user service.
type Verifier struct {
	fetch  func(ctx context.Context) (Keys, error) // nil: the keys are fixed
	now    func() time.Time
	parser *jwt.Parser
	keys   atomic.Pointer[fetched]
	turn   chan struct{} // has room for the one that fetches
}

// NewVerifier returns a verifier that fetches the keys when it needs them first, when a token names a key that it doesn't know,
// and every ten minutes; never twice within two seconds. When that fails, the keys that it has stay good.
func NewVerifier(fetch func(ctx context.Context) (Keys, error), now func() time.Time) *Verifier {
	v := Fixed(nil, now)
	v.fetch = fetch
	return v
}

// Fixed returns a verifier that knows these keys and never asks for others.
func Fixed(keys Keys, now func() time.Time) *Verifier {
	v := &Verifier{now: now, turn: make(chan struct{}, 1)}
	v.keys.Store(&fetched{keys: keys})
	// Each option is a known hole when it is missing: see RFC 8725, sections 3.1 (algorithms), 3.8 (issuer), 3.9 (audience).
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(Issuer),
		jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)
	return v
}

// Verify checks a token: algorithm EdDSA and no other, signature, issuer, audience, and time, with five seconds for clocks that
// differ. The error never contains the token.
func (v *Verifier) Verify(ctx context.Context, token string) (Customer, error) {
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if _, critical := t.Header["crit"]; critical { // RFC 7515, section 4.1.11: who doesn't understand it must refuse
			return nil, errors.New("a header that must be understood isn't")
		}
		id, _ := t.Header["kid"].(string)
		return v.key(ctx, id)
	})
	switch {
	case errors.Is(err, errNoKeys):
		return Customer{}, err
	case err != nil:
		return Customer{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case c.Subject == "":
		return Customer{}, fmt.Errorf("%w: it speaks for nobody", ErrInvalid)
	}
	return Customer{ID: c.Subject, Admin: c.Admin}, nil
}

// key returns the key with an ID, from memory if possible. Who needs no fetch doesn't wait for somebody else's.
func (v *Verifier) key(ctx context.Context, id string) (any, error) {
	known := v.keys.Load()
	if v.fetch == nil || known.fresh(id, v.now()) {
		return known.find(id)
	}
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", errNoKeys, ctx.Err())
	}
	known = v.keys.Load() // somebody may have fetched while this one waited for its turn
	if !known.fresh(id, v.now()) {
		// The result is for everybody: that this customer has gone must not end it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		keys, err := v.fetch(ctx)
		if err != nil {
			keys = known.keys
		}
		known = &fetched{keys: keys, at: v.now(), err: err}
		v.keys.Store(known)
	}
	return known.find(id)
}

// errNoKeys is what errors wrap that say nothing about the token.
var errNoKeys = errors.New("the keys for tokens can't be fetched")

// fetched is the outcome of the last fetch. If it failed, keys are those of the one before.
type fetched struct {
	keys Keys
	at   time.Time
	err  error
}

// fresh tells whether what is known of a key is new enough.
func (f *fetched) fresh(id string, now time.Time) bool {
	if _, ok := f.keys[id]; ok {
		return now.Sub(f.at) < keep
	}
	return now.Sub(f.at) < pause
}

func (f *fetched) find(id string) (any, error) {
	key, ok := f.keys[id]
	switch {
	case ok:
		return key, nil
	case f.err != nil:
		return nil, fmt.Errorf("%w: %w", errNoKeys, f.err)
	}
	return nil, errors.New("no such key")
}

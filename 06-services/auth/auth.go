// Package auth makes and checks the tokens of customers: JWTs (RFC 7519), signed with Ed25519 by the user service. Who checks
// them needs the public keys only, and so can't make any.
package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"warren.example/06-services/httpx"
)

// What a token says of its origin and use. A token of another issuer, or for another audience, is refused.
const (
	Issuer   = "shop/user"
	Audience = "shop"
)

// A Customer is who a token speaks for.
type Customer struct {
	ID    string
	Admin bool
}

// Require lets only requests through that bear a valid token. Handlers find the customer by From. Others are answered as RFC
// 6750, section 3, says: 401 and a WWW-Authenticate header, which has an error code only if a token came. While the keys can't
// be had, nobody knows whether a token is good: 503.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="shop"`)
			httpx.Fail(w, http.StatusUnauthorized, "log in first: this needs a token")
			return
		}
		customer, err := v.Verify(r.Context(), strings.TrimSpace(token))
		switch {
		case errors.Is(err, ErrInvalid): // why, is for tests and logs: it would help who tries to forge one
			w.Header().Set("WWW-Authenticate", `Bearer realm="shop", error="invalid_token"`)
			httpx.Fail(w, http.StatusUnauthorized, "the token is not valid, or not any more")
		case err != nil:
			w.Header().Set("Retry-After", "2")
			httpx.Fail(w, http.StatusServiceUnavailable, "tokens can't be checked at the moment")
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, customer)))
		}
	})
}

// RequireAdmin is Require for those who run the shop. Customers get 403 (RFC 6750: insufficient_scope).
func (v *Verifier) RequireAdmin(next http.Handler) http.Handler {
	return v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := From(r.Context()); !ok || !c.Admin {
			w.Header().Set("WWW-Authenticate", `Bearer realm="shop", error="insufficient_scope"`)
			httpx.Fail(w, http.StatusForbidden, "this is for those who run the shop")
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// From returns who asks. ok is false outside of Require.
func From(ctx context.Context) (c Customer, ok bool) {
	c, ok = ctx.Value(contextKey{}).(Customer)
	return c, ok
}

type contextKey struct{}

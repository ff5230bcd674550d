package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
)

func TestRequire(t *testing.T) {
	key := newKey(t)
	signer := auth.Signer{Key: key, Now: clock}
	customer, err := signer.Sign(auth.Customer{ID: "ada"})
	require.NoError(t, err)
	admin, err := signer.Sign(auth.Customer{ID: "root", Admin: true})
	require.NoError(t, err)

	verifier := auth.Fixed(key.Public(), clock)
	down := auth.NewVerifier(func(context.Context) (auth.Keys, error) { return nil, errors.New("down") }, clock)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := auth.From(r.Context())
		require.True(t, ok)
		_, _ = w.Write([]byte(c.ID))
	})

	for _, test := range []struct {
		name, authorization string
		handler             http.Handler
		status              int
		challenge, body     string
	}{
		{"a customer", "Bearer " + customer, verifier.Require(handler), 200, "", "ada"},
		{"small letters", "bearer " + customer, verifier.Require(handler), 200, "", "ada"},
		{"nothing", "", verifier.Require(handler), 401, `Bearer realm="shop"`, ""},
		{"a password", "Basic YWRhOnNlY3JldA==", verifier.Require(handler), 401, `Bearer realm="shop"`, ""},
		{"no token", "Bearer", verifier.Require(handler), 401, `Bearer realm="shop", error="invalid_token"`, ""},
		{"a bad token", "Bearer " + customer + "x", verifier.Require(handler), 401, `Bearer realm="shop", error="invalid_token"`, ""},
		{"no keys", "Bearer " + customer, down.Require(handler), 503, "", ""},
		{"an admin", "Bearer " + admin, verifier.RequireAdmin(handler), 200, "", "root"},
		{"no admin", "Bearer " + customer, verifier.RequireAdmin(handler), 403,
			`Bearer realm="shop", error="insufficient_scope"`, ""},
		{"nobody for admin", "", verifier.RequireAdmin(handler), 401, `Bearer realm="shop"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			w := httptest.NewRecorder()
			test.handler.ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code)
			require.Equal(t, test.challenge, w.Header().Get("WWW-Authenticate"))
			if test.status == http.StatusOK {
				require.Equal(t, test.body, w.Body.String())
			} else {
				require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				require.NotContains(t, w.Body.String(), customer)
			}
		})
	}
	_, ok := auth.From(t.Context())
	require.False(t, ok)
}

func FuzzVerify(f *testing.F) {
	key := newKey(f)
	verifier := auth.Fixed(key.Public(), clock)
	token, err := auth.Signer{Key: key, Now: clock}.Sign(auth.Customer{ID: "ada"})
	require.NoError(f, err)
	f.Add(token)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := verifier.Verify(t.Context(), text)
		if err == nil {
			require.Equal(t, token, text, "nobody else can make one")
			require.Equal(t, "ada", c.ID)
			return
		}
		require.ErrorIs(t, err, auth.ErrInvalid)
	})
}

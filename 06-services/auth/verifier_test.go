package auth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
)

var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func newKey(t testing.TB) auth.Key {
	t.Helper()
	key, err := auth.NewKey()
	require.NoError(t, err)
	return key
}

// good is what a token says that is accepted.
func good() jwt.MapClaims {
	return jwt.MapClaims{"iss": auth.Issuer, "aud": auth.Audience, "sub": "ada", "iat": noon.Unix(), "nbf": noon.Unix(),
		"exp": noon.Add(time.Minute).Unix()}
}

func signed(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func TestOnlyGoodTokensPass(t *testing.T) {
	key, other := newKey(t), newKey(t)
	public := key.Private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	verifier := auth.Fixed(key.Public(), clock)
	kid, critical := map[string]any{"kid": key.ID}, map[string]any{"kid": key.ID, "crit": []string{"b64"}}
	with := func(name string, value any) string {
		c := good()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return signed(t, jwt.SigningMethodEdDSA, key.Private, kid, c)
	}
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	fine := signed(t, jwt.SigningMethodEdDSA, key.Private, kid, good())
	parts := strings.Split(fine, ".")
	admin := base64.RawURLEncoding.EncodeToString(
		[]byte(`{"iss":"shop/user","aud":"shop","sub":"ada","nbf":1,"exp":9999999999,"admin":true}`))

	for name, token := range map[string]string{
		"good":                       fine,
		"one of two audiences":       with("aud", []string{"else", auth.Audience}),
		"a clock a little behind":    with("nbf", at(4*time.Second)),
		"just over, by another's":    with("exp", at(-4*time.Second)),
		"something more than needed": with("colour", "green"),
	} {
		c, err := verifier.Verify(t.Context(), token)
		require.NoError(t, err, name)
		require.Equal(t, auth.Customer{ID: "ada"}, c, name)
	}

	for name, token := range map[string]string{
		"nothing":                     "",
		"no token":                    "a.b.c",
		"two parts":                   parts[0] + "." + parts[1],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"other claims":                parts[0] + "." + admin + "." + parts[2],
		"algorithm none":              signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, good()),
		"HS256 with the public key":   signed(t, jwt.SigningMethodHS256, []byte(public), kid, good()),
		"HS256 with its DER":          signed(t, jwt.SigningMethodHS256, der, kid, good()),
		"another's key":               signed(t, jwt.SigningMethodEdDSA, other.Private, kid, good()),
		"a key that nobody knows":     signed(t, jwt.SigningMethodEdDSA, other.Private, map[string]any{"kid": other.ID}, good()),
		"no key named":                signed(t, jwt.SigningMethodEdDSA, key.Private, nil, good()),
		"a number for a key":          signed(t, jwt.SigningMethodEdDSA, key.Private, map[string]any{"kid": 1}, good()),
		"a critical header":           signed(t, jwt.SigningMethodEdDSA, key.Private, critical, good()),
		"expired":                     with("exp", at(-time.Minute)),
		"never expires":               with("exp", nil),
		"not yet":                     with("nbf", at(time.Minute)),
		"no beginning":                with("nbf", nil),
		"another issuer":              with("iss", "https://elsewhere.example"),
		"no issuer":                   with("iss", nil),
		"another audience":            with("aud", "bank"),
		"no audience":                 with("aud", nil),
		"for nobody":                  with("sub", nil),
		"for somebody without a name": with("sub", ""),
		"times that are texts":        with("exp", "tomorrow"),
		"admin that is no yes or no":  with("admin", "yes"),
	} {
		_, err := verifier.Verify(t.Context(), token)
		require.ErrorIs(t, err, auth.ErrInvalid, name)
	}
}

func TestSignerMakesWhatVerifierTakes(t *testing.T) {
	key := newKey(t)
	now := noon
	verifier := auth.Fixed(key.Public(), func() time.Time { return now })
	ada := auth.Customer{ID: "ada", Admin: true}
	token, err := auth.Signer{Key: key, Life: time.Minute, Now: clock}.Sign(ada)
	require.NoError(t, err)

	c, err := verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, ada, c)

	now = noon.Add(2 * time.Minute)
	_, err = verifier.Verify(t.Context(), token)
	require.ErrorIs(t, err, auth.ErrInvalid)
}

// A source is a user service whose keys change, and which may be down.
type source struct {
	mu    sync.Mutex
	keys  auth.Keys
	err   error
	asked int
}

func (s *source) fetch(context.Context) (auth.Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	return s.keys, nil
}

func TestKeysAreFetchedWhenNeeded(t *testing.T) {
	first, second, nobodys := newKey(t), newKey(t), newKey(t)
	token := func(key auth.Key, now time.Time) string {
		text, err := auth.Signer{Key: key, Life: time.Hour, Now: func() time.Time { return now }}.Sign(auth.Customer{ID: "ada"})
		require.NoError(t, err)
		return text
	}
	now := noon
	s := &source{err: errors.New("the user service is down")}
	v := auth.NewVerifier(s.fetch, func() time.Time { return now })

	_, err := v.Verify(t.Context(), token(first, now))
	require.Error(t, err)
	require.NotErrorIs(t, err, auth.ErrInvalid, "nobody knows whether it is good")

	s.keys, s.err = first.Public(), nil
	now = now.Add(3 * time.Second)
	for range 5 {
		_, err = v.Verify(t.Context(), token(first, now))
		require.NoError(t, err)
	}
	require.Equal(t, 2, s.asked, "the keys are kept")

	// The key is rotated. Tokens of the new one come, and old ones are still about.
	s.keys = second.Public()
	maps.Copy(s.keys, first.Public())
	now = now.Add(3 * time.Second)
	_, err = v.Verify(t.Context(), token(second, now))
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), token(first, now))
	require.NoError(t, err)
	require.Equal(t, 3, s.asked)

	for range 100 { // somebody makes up tokens
		_, err = v.Verify(t.Context(), token(nobodys, now))
		require.ErrorIs(t, err, auth.ErrInvalid)
	}
	require.Equal(t, 3, s.asked, "not twice within two seconds")

	s.err = errors.New("the user service is down")
	now = now.Add(11 * time.Minute)
	_, err = v.Verify(t.Context(), token(second, now))
	require.NoError(t, err, "the keys that it has stay good")
	require.Equal(t, 4, s.asked)
	_, err = v.Verify(t.Context(), token(nobodys, now))
	require.NotErrorIs(t, err, auth.ErrInvalid)

	s.keys, s.err = second.Public(), nil // first is withdrawn
	now = now.Add(11 * time.Minute)
	_, err = v.Verify(t.Context(), token(first, now))
	require.ErrorIs(t, err, auth.ErrInvalid)
}

func TestManyShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		s := &source{keys: key.Public()}
		v := auth.NewVerifier(func(ctx context.Context) (auth.Keys, error) {
			select {
			case <-time.After(time.Second): // in the bubble's time: the network
				return s.fetch(ctx)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}, time.Now)
		token, err := auth.Signer{Key: key, Now: time.Now}.Sign(auth.Customer{ID: "ada"})
		require.NoError(t, err)

		gone, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := v.Verify(gone, token)
			require.NoError(t, err, "who fetches goes on for the others")
		})
		synctest.Wait()
		leave()
		for range 20 {
			all.Go(func() {
				_, err := v.Verify(t.Context(), token)
				require.NoError(t, err)
			})
		}
		all.Go(func() {
			_, err := v.Verify(gone, token)
			require.ErrorIs(t, err, context.Canceled, "who waits may go")
		})
		all.Wait()
		require.Equal(t, 1, s.asked)
	})
}

func TestFetchReadsAKeySet(t *testing.T) {
	key := newKey(t)
	status, body := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	fetch := auth.Fetch(server.Client(), server.URL+"/keys")

	set, err := json.Marshal(key.Public())
	require.NoError(t, err)
	require.Contains(t, string(set), `"kty":"OKP","crv":"Ed25519"`)
	body = strings.Replace(string(set), `"keys":[`, `"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"rsa"},
		{"kty":"OKP","crv":"X25519","x":"AA","kid":"x"}, {"kty":"OKP","crv":"Ed25519","x":"AA","kid":"short"},`, 1)
	keys, err := fetch(t.Context())
	require.NoError(t, err)
	require.Equal(t, key.Public(), keys, "keys of other kinds are left out")

	for _, body = range []string{"", "<html>", `{"keys":7}`, `[]`} {
		_, err = fetch(t.Context())
		require.Error(t, err, body)
	}
	status, body = http.StatusServiceUnavailable, string(set)
	_, err = fetch(t.Context())
	require.ErrorContains(t, err, "503")
}

// The key and its thumbprint of RFC 8037, appendix A.
func TestThumbprintIsTheStandards(t *testing.T) {
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	require.NoError(t, err)
	key, err := auth.KeyOf(seed)
	require.NoError(t, err)
	require.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", key.ID)
	_, err = auth.KeyOf(seed[1:])
	require.Error(t, err)
}

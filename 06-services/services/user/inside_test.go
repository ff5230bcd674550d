package user

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"warren.example/06-services/auth"
	"warren.example/06-services/store/storetest"
)

func TestKeysAreRenewed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		now := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
		ring := &keyring{db: open(t, *Definition.Store), life: time.Minute, now: func() time.Time { return now }}
		sign := func() string {
			signer, err := ring.signer(t.Context())
			require.NoError(t, err)
			token, err := signer.Sign(auth.Customer{ID: "ada"})
			require.NoError(t, err)
			return token
		}
		verifier := auth.NewVerifier(ring.public, ring.now)
		check := func(token string) {
			t.Helper()
			_, err := verifier.Verify(t.Context(), token)
			require.NoError(t, err)
		}
		public := func() auth.Keys {
			keys, err := ring.public(t.Context())
			require.NoError(t, err)
			return keys
		}

		_, err := ring.signer(t.Context())
		require.Error(t, err, "there is no key yet")
		require.NoError(t, ring.renew(t.Context()))
		require.NoError(t, ring.renew(t.Context()))
		first := public()
		require.Len(t, first, 1)
		check(sign())

		now = now.Add(keyAge)
		require.NoError(t, ring.renew(t.Context()))
		require.Len(t, public(), 2)
		check(sign())
		_, err = auth.Fixed(first, ring.now).Verify(t.Context(), sign())
		require.NoError(t, err, "the new key is shown, and doesn't sign yet")

		now = now.Add(keyWarmUp)
		old, err := auth.Signer{Key: mustKeys(t, ring)[1].Key, Now: ring.now}.Sign(auth.Customer{ID: "ada"})
		require.NoError(t, err)
		check(sign())
		check(old) // a token of the old key, made just now
		_, err = auth.Fixed(first, ring.now).Verify(t.Context(), sign())
		require.ErrorIs(t, err, auth.ErrInvalid, "now the new key signs")

		now = now.Add(keyAge)
		require.NoError(t, ring.renew(t.Context()))
		require.Len(t, public(), 2)
		for id := range first {
			require.NotContains(t, public(), id, "the oldest is gone")
		}
		var left int
		require.NoError(t, ring.db.QueryRow("SELECT COUNT(*) FROM signing_keys").Scan(&left))
		require.Equal(t, 2, left)
	})
}

func mustKeys(t *testing.T, ring *keyring) []agedKey {
	keys, err := ring.newest(t.Context())
	require.NoError(t, err)
	return keys
}

func TestManyInstancesMakeOneKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		var all sync.WaitGroup
		for range 6 {
			ring := &keyring{db: open(t, *Definition.Store), now: time.Now}
			all.Go(func() { require.NoError(t, ring.renew(t.Context())) })
		}
		all.Wait()
		keys := mustKeys(t, &keyring{db: open(t, *Definition.Store), now: time.Now})
		require.Len(t, keys, 1)
	})
}

// The time isn't measured. What takes it is bcrypt: it must run for who isn't known, too, at the same cost.
func TestUnknownUsersCostAsMuch(t *testing.T) {
	p, err := newPasswords(5)
	require.NoError(t, err)
	hash, err := p.hash("difference engine")
	require.NoError(t, err)
	require.True(t, p.match(hash, "difference engine"))
	require.False(t, p.match(hash, "difference engin"))

	var compared []int
	compare := p.compare
	p.compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		require.NoError(t, err)
		compared = append(compared, cost)
		return compare(hash, password)
	}
	require.False(t, p.match("", "nobody has this one"), "the password of the dummy")
	require.Equal(t, []int{5}, compared)
	_, err = newPasswords(40)
	require.Error(t, err)
}

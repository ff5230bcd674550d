package auth

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// A Key signs tokens.
type Key struct {
	ID      string
	Private ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey() (Key, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	return KeyOf(seed)
}

// KeyOf returns the key that a seed of 32 bytes makes: Key.Private.Seed of one that was kept. Its ID is its thumbprint (RFC
// 7638), so no two keys share one.
func KeyOf(seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("a key of %d bytes instead of %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encode(public) + `"}`))
	return Key{ID: encode(sum[:]), Private: private}, nil
}

// Public returns what others need to check tokens of k.
func (k Key) Public() Keys {
	return Keys{k.ID: k.Private.Public().(ed25519.PublicKey)}
}

// Keys are public keys by their ID. Their JSON is a JWK Set (RFC 7517; RFC 8037 for Ed25519).
type Keys map[string]ed25519.PublicKey

type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	ID    string `json:"kid"`
	Use   string `json:"use,omitempty"`
	Alg   string `json:"alg,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// MarshalJSON writes a JWK Set, in the order of the IDs.
func (k Keys) MarshalJSON() ([]byte, error) {
	set := jwkSet{Keys: []jwk{}}
	for id, key := range k {
		set.Keys = append(set.Keys, jwk{Type: "OKP", Curve: "Ed25519", X: encode(key), ID: id, Use: "sig", Alg: "EdDSA"})
	}
	slices.SortFunc(set.Keys, func(a, b jwk) int { return cmp.Compare(a.ID, b.ID) })
	return json.Marshal(set)
}

// UnmarshalJSON reads a JWK Set. Keys of kinds that it doesn't know are left out, as RFC 7517, section 5, says.
func (k *Keys) UnmarshalJSON(body []byte) error {
	var set jwkSet
	if err := json.Unmarshal(body, &set); err != nil {
		return err
	}
	keys := make(Keys)
	for _, key := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(key.X)
		known := key.Type == "OKP" && key.Curve == "Ed25519" && (key.Use == "" || key.Use == "sig") &&
			(key.Alg == "" || key.Alg == "EdDSA")
		if known && err == nil && len(x) == ed25519.PublicKeySize && key.ID != "" {
			keys[key.ID] = x
		}
	}
	*k = keys
	return nil
}

// Fetch returns a function for NewVerifier that asks url for a JWK Set: "http://user/keys".
func Fetch(client *http.Client, url string) func(ctx context.Context) (Keys, error) {
	return func(ctx context.Context) (Keys, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("ask %s for keys: %s", url, response.Status)
		}
		var keys Keys
		if err := json.NewDecoder(io.LimitReader(response.Body, maxSet)).Decode(&keys); err != nil {
			return nil, fmt.Errorf("read the keys of %s: %w", url, err)
		}
		return keys, nil
	}
}

const maxSet = 64 << 10 // bytes of a JWK Set: far more than a few keys take

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

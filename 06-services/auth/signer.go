package auth

import (
	"cmp"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// DefaultLife is how long a token is good, if nobody says otherwise. Nobody can take a token back, so it is short.
const DefaultLife = 15 * time.Minute

// claims is what a token says: the registered claims of RFC 7519, section 4.1, and one of the shop's own.
type claims struct {
	jwt.RegisteredClaims
	Admin bool `json:"admin,omitempty"`
}

// A Signer makes tokens. Only the user service has one, and tests.
type Signer struct {
	Key  Key
	Life time.Duration // how long a token is good; 0 is DefaultLife
	Now  func() time.Time
}

// Sign returns a token that speaks for c from now on.
func (s Signer) Sign(c Customer) (string, error) {
	now := s.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    Issuer,
			Subject:   c.ID,
			Audience:  jwt.ClaimStrings{Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(cmp.Or(s.Life, DefaultLife))),
			ID:        uuid.NewString(),
		},
		Admin: c.Admin,
	})
	token.Header["kid"] = s.Key.ID
	signed, err := token.SignedString(s.Key.Private)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

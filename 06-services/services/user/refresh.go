package user

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"warren.example/06-services/store"
)

// refreshTokens is the repository of refresh tokens. Each login begins a family, and each use of a token replaces it by the
// next of its family. Who comes with one that was replaced has a copy, or is the customer whom a thief has overtaken: nobody
// can tell, so the family ends, and the customer logs in again (RFC 9700, section 4.14.2).
type refreshTokens struct{ store.Querier }

// begin stores the first token of a family, and takes out what the user has left to expire.
func (r refreshTokens) begin(ctx context.Context, user, token string, now time.Time) error {
	_, err := r.ExecContext(ctx, "DELETE FROM refresh_tokens WHERE user_id = $1 AND expires_at <= $2", user, now.UnixMilli())
	if err == nil {
		_, err = r.ExecContext(ctx, "INSERT INTO refresh_tokens (family, hash, user_id, expires_at) VALUES ($1, $2, $3, $4)",
			family(token), hashToken(token), user, now.Add(refreshLife).UnixMilli())
	}
	if err != nil {
		return fmt.Errorf("store a refresh token of user %s: %w", user, err)
	}
	return nil
}

// replace replaces a token by the next, and returns whose it is. If it isn't good any more, or never was, user is empty and
// its family is ended. One statement looks and replaces: of two who come with the same token at once, one is too late.
func (r refreshTokens) replace(ctx context.Context, token, next string, now time.Time) (user string, err error) {
	err = r.QueryRowContext(ctx, `
		UPDATE refresh_tokens SET hash = $3, expires_at = $4
		WHERE family = $1 AND hash = $2 AND expires_at > $5 RETURNING user_id`,
		family(token), hashToken(token), hashToken(next), now.Add(refreshLife).UnixMilli(), now.UnixMilli()).Scan(&user)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err := r.ExecContext(ctx, "DELETE FROM refresh_tokens WHERE family = $1", family(token))
		if err != nil {
			return "", fmt.Errorf("end a family of refresh tokens: %w", err)
		}
		return "", nil
	case err != nil:
		return "", fmt.Errorf("replace a refresh token: %w", err)
	}
	return user, nil
}

// newRefreshToken makes a token of a family, or of a new one if family is empty. Both parts are random, so nobody guesses
// either.
func newRefreshToken(family string) string {
	if family == "" {
		family = rand.Text()
	}
	return family + "." + rand.Text() + rand.Text()
}

func family(token string) string {
	family, _, _ := strings.Cut(token, ".")
	return family
}

// hashToken is what is stored of a token: who reads the table can't use it. A token is random and long, so a fast hash will
// do.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

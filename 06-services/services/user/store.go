package user

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"warren.example/06-services/store"
)

// users is the repository of users, on a database or within a transaction.
type users struct{ store.Querier }

// insert stores a new user. It returns errTaken if another one has the address.
func (r users) insert(ctx context.Context, u User, hash string, now time.Time) error {
	interests, err := json.Marshal(u.Interests)
	if err != nil {
		return fmt.Errorf("write interests: %w", err)
	}
	result, err := r.ExecContext(ctx, `
		INSERT INTO users (id, email, email_key, name, interests, password, admin, version, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (email_key) DO NOTHING`,
		u.ID, u.Email, emailKey(u.Email), u.Name, string(interests), hash, u.Admin, u.Version, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("store user %s: %w", u.ID, err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("store user %s: %w", u.ID, err)
	} else if n == 0 {
		return errTaken
	}
	return nil
}

// update stores a profile, and returns the user as it is then. It returns errTaken if another one has the address, and
// errUnknown.
func (r users) update(ctx context.Context, id string, p Profile) (User, error) {
	u := User{ID: id}
	u.apply(p)
	interests, err := json.Marshal(u.Interests)
	if err != nil {
		return User{}, fmt.Errorf("write interests: %w", err)
	}
	err = r.QueryRowContext(ctx, `
		UPDATE users SET name = $2, email = $3, email_key = $4, interests = $5, version = version + 1
		WHERE id = $1 RETURNING admin, version`,
		id, u.Name, u.Email, emailKey(u.Email), string(interests)).Scan(&u.Admin, &u.Version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, errUnknown
	case store.IsUnique(err):
		return User{}, errTaken
	case err != nil:
		return User{}, fmt.Errorf("change user %s: %w", id, err)
	}
	return u, nil
}

// byID returns a user, or errUnknown.
func (r users) byID(ctx context.Context, id string) (User, error) {
	u, _, err := r.one(ctx, "id = $1", id)
	return u, err
}

// byEmail returns a user and the hash of the password, or errUnknown.
func (r users) byEmail(ctx context.Context, address string) (User, string, error) {
	return r.one(ctx, "email_key = $1", emailKey(address))
}

func (r users) one(ctx context.Context, where string, arg string) (u User, hash string, err error) {
	var interests string
	err = r.QueryRowContext(ctx, "SELECT id, name, email, interests, admin, version, password FROM users WHERE "+where, arg).
		Scan(&u.ID, &u.Name, &u.Email, &interests, &u.Admin, &u.Version, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, "", errUnknown
	case err != nil:
		return User{}, "", fmt.Errorf("find a user: %w", err)
	}
	if err := json.Unmarshal([]byte(interests), &u.Interests); err != nil {
		return User{}, "", fmt.Errorf("read the interests of user %s: %w", u.ID, err)
	}
	return u, hash, nil
}

// insertPurchase stores that somebody has bought something, once per order. stored is false if it was known.
func (r users) insertPurchase(ctx context.Context, p purchase, now time.Time) (stored bool, err error) {
	result, err := r.ExecContext(ctx, `
		INSERT INTO purchases (order_id, user_id, minor, currency, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		p.Order, p.User, p.Total.Minor, p.Total.Currency, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("store the purchase %s: %w", p.Order, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

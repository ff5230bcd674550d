package user

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"time"

	"warren.example/06-services/auth"
	"warren.example/06-services/store"
)

// A keyring has the keys that sign tokens. They are in the database, so all instances of the service have the same. Two count:
// the newest, and the one before, whose tokens are still about.
type keyring struct {
	db   *store.DB
	life time.Duration // of a token
	now  func() time.Time
}

type agedKey struct {
	auth.Key
	number  int64
	created time.Time
}

// signer signs with the newest key, or with the one before as long as others may not have heard of the newest.
func (k *keyring) signer(ctx context.Context) (auth.Signer, error) {
	keys, err := k.newest(ctx)
	if err != nil {
		return auth.Signer{}, err
	}
	if len(keys) == 0 {
		return auth.Signer{}, errors.New("there is no key for tokens")
	}
	use := keys[0]
	if len(keys) > 1 && k.now().Sub(use.created) < keyWarmUp {
		use = keys[1]
	}
	return auth.Signer{Key: use.Key, Life: k.life, Now: k.now}, nil
}

// public returns what others need to check tokens.
func (k *keyring) public(ctx context.Context) (auth.Keys, error) {
	keys, err := k.newest(ctx)
	public := make(auth.Keys)
	for _, key := range keys {
		maps.Copy(public, key.Public())
	}
	return public, err
}

// renew makes a key if there is none, or if the newest is old. Of several instances that do so at once, one makes it.
func (k *keyring) renew(ctx context.Context) error {
	keys, err := k.newest(ctx)
	if err != nil {
		return err
	}
	number := int64(1)
	if len(keys) > 0 {
		if k.now().Sub(keys[0].created) < keyAge {
			return nil
		}
		number = keys[0].number + 1
	}
	key, err := auth.NewKey()
	if err != nil {
		return err
	}
	_, err = k.db.ExecContext(ctx,
		"INSERT INTO signing_keys (number, seed, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		number, base64.StdEncoding.EncodeToString(key.Private.Seed()), k.now().UnixMilli())
	if err != nil {
		return fmt.Errorf("store a key: %w", err)
	}
	_, err = k.db.ExecContext(ctx, "DELETE FROM signing_keys WHERE number < $1", number-1)
	if err != nil {
		return fmt.Errorf("throw old keys away: %w", err)
	}
	return nil
}

// run calls renew every hour until ctx ends.
func (k *keyring) run(ctx context.Context) error {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := k.renew(ctx); err != nil {
				return err
			}
		}
	}
}

// newest returns the two newest keys, the newest first.
func (k *keyring) newest(ctx context.Context) ([]agedKey, error) {
	rows, err := k.db.QueryContext(ctx, "SELECT number, seed, created_at FROM signing_keys ORDER BY number DESC LIMIT 2")
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	defer rows.Close()
	var keys []agedKey
	for rows.Next() {
		var key agedKey
		var text string
		var created int64
		if err := rows.Scan(&key.number, &text, &created); err != nil {
			return nil, fmt.Errorf("read a key: %w", err)
		}
		seed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", key.number)
		}
		if key.Key, err = auth.KeyOf(seed); err != nil {
			return nil, fmt.Errorf("key %d: %w", key.number, err)
		}
		key.created = time.UnixMilli(created)
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

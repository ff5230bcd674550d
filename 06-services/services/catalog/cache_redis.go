package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// shared is a cache in Redis, for all instances. A value is the version, a space, and the product as JSON, or nothing after
// Drop.
type shared struct {
	client *redis.Client
	life   time.Duration
}

// prefix is what the catalog's keys in Redis begin with.
const prefix = "catalog:product:"

// storeScript looks at the version and stores, in one step: Redis does nothing else while a script runs. ARGV is the highest
// version that may be there already, the new value, and its time in milliseconds.
const storeScript = `
local known = redis.call('GET', KEYS[1])
if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// NewRedis returns a cache in the Redis at url ("redis://user:password@host:6379/0", rediss for TLS), each product for at most
// life. It connects when it is first used. A Redis that doesn't answer costs half a second, not a customer's patience.
func NewRedis(url string, life time.Duration) (Cache, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL is no redis://host:port/number") // err would show a password
	}
	const patience = 500 * time.Millisecond
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.ContextTimeoutEnabled = true
	options.MaxRetries = -1 // none: the database is there
	return &shared{client: redis.NewClient(options), life: life}, nil
}

func (c *shared) Get(ctx context.Context, skus []string) ([]Product, error) {
	if len(skus) == 0 {
		return nil, nil
	}
	names := make([]string, len(skus))
	for i, sku := range skus {
		names[i] = prefix + sku
	}
	values, err := c.client.MGet(ctx, names...).Result()
	if err != nil {
		return nil, fmt.Errorf("read from Redis: %w", err)
	}
	var found []Product
	for _, value := range values {
		text, _ := value.(string) // nil: not there
		version, body, _ := strings.Cut(text, " ")
		if body == "" {
			continue
		}
		var p Product
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			return nil, fmt.Errorf("read a product of Redis: %w", err)
		}
		if p.Version, err = strconv.ParseInt(version, 10, 64); err != nil {
			return nil, fmt.Errorf("read a version of Redis: %w", err)
		}
		found = append(found, p)
	}
	return found, nil
}

func (c *shared) Fill(ctx context.Context, products []Product) error {
	if len(products) == 0 {
		return nil
	}
	_, err := c.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, p := range products {
			body, err := json.Marshal(p)
			if err != nil {
				return err
			}
			pipe.Eval(ctx, storeScript, []string{prefix + p.SKU},
				p.Version, fmt.Sprintf("%d %s", p.Version, body), c.life.Milliseconds())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

func (c *shared) Drop(ctx context.Context, sku string, version int64) error {
	err := c.client.Eval(ctx, storeScript, []string{prefix + sku},
		version-1, fmt.Sprintf("%d ", version), c.life.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

func (c *shared) Clear(ctx context.Context) error {
	keys := c.client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		if err := c.client.Unlink(ctx, keys.Val()).Err(); err != nil {
			return fmt.Errorf("clear Redis: %w", err)
		}
	}
	if err := keys.Err(); err != nil {
		return fmt.Errorf("clear Redis: %w", err)
	}
	return nil
}

func (c *shared) Close() error { return c.client.Close() }

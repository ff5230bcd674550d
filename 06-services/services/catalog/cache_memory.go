package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// memory is a cache in the process. When it is full, what was longest not asked for makes room.
type memory struct {
	mu      sync.Mutex // Fill and Drop look, and then store: nobody may come in between
	entries *simplelru.LRU[string, entry]
	life    time.Duration
	now     func() time.Time
}

// An entry is a product, or the note that Drop leaves behind.
type entry struct {
	version int64
	product Product
	dropped bool
	until   time.Time
}

// NewMemory returns a cache in the process, for at most size products, each for at most life.
func NewMemory(size int, life time.Duration, now func() time.Time) Cache {
	entries, _ := simplelru.NewLRU[string, entry](max(size, 1), nil) // fails for a size below 1 only
	return &memory{entries: entries, life: life, now: now}
}

func (c *memory) Get(_ context.Context, skus []string) ([]Product, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Product
	for _, sku := range skus {
		if e, ok := c.entries.Get(sku); ok && !e.dropped && c.now().Before(e.until) {
			found = append(found, e.product)
		}
	}
	return found, nil
}

func (c *memory) Fill(_ context.Context, products []Product) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range products {
		if c.known(p.SKU) <= p.Version {
			c.entries.Add(p.SKU, entry{version: p.Version, product: p, until: c.now().Add(c.life)})
		}
	}
	return nil
}

func (c *memory) Drop(_ context.Context, sku string, version int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known(sku) < version {
		c.entries.Add(sku, entry{version: version, dropped: true, until: c.now().Add(c.life)})
	}
	return nil
}

// known returns the newest version that the cache has heard of, 0 if none.
func (c *memory) known(sku string) int64 {
	if e, ok := c.entries.Peek(sku); ok && c.now().Before(e.until) {
		return e.version
	}
	return 0
}

func (c *memory) Clear(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Purge()
	return nil
}

func (c *memory) Close() error { return nil }

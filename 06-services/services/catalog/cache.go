package catalog

import (
	"context"
	"time"
)

// A Cache keeps products, without their stock. There are two: in the process (NewMemory), and in Redis, which all instances
// share (NewRedis). One suite of tests holds for both.
//
// The danger is the slow reader: it reads version 1 from the database; version 2 is stored, and Drop called; now the reader
// fills in version 1, and nobody will drop it. So Drop leaves a note of the version behind, and Fill respects it. A note may
// go with its time, or when room is needed, or by Clear; then a product may be old until its time is over, one minute at most.
type Cache interface {
	// Get returns those of the products that it has, in any order.
	Get(ctx context.Context, skus []string) ([]Product, error)
	// Fill keeps products as they were read from the database, but none older than what it knows.
	Fill(ctx context.Context, products []Product) error
	// Drop forgets a product as it was before a version, and lets no Fill bring it back.
	Drop(ctx context.Context, sku string, version int64) error
	// Clear forgets everything.
	Clear(ctx context.Context) error
	// Close frees what the cache needs. It is not to be used after that.
	Close() error
}

const (
	cacheLife = time.Minute // how long an old price may be shown, if everything else goes wrong
	cacheSize = 10_000      // products in the process
)

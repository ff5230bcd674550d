package routing

import (
	"math/big"
	"slices"
	"strconv"

	"warren.example/workshop/wire"
)

// The arguments that say what a consistent-hash exchange hashes, and the properties it can hash.
const (
	hashHeader    = "hash-header"
	hashProperty  = "hash-property"
	correlationID = "correlation_id"
	messageID     = "message_id"
	timestamp     = "timestamp"
)

// ring is the index of a consistent-hash exchange (github.com/rabbitmq/rabbitmq-server, deps/rabbitmq_consistent_hash_exchange,
// README.md): the key of a binding is its weight, a number of buckets, and each message goes to one bucket, by the hash of its
// routing key, of a header or of a property. Equal values go to the same queue as long as the bindings stay; a new binding
// takes from the others only what it gets itself. What has no such header or property goes to one bucket all the same.
//
// A destination has one binding that counts, the first one. As in RabbitMQ, removing any of its bindings removes it.
type ring struct {
	byHeader         bool   // hash a header; an empty name is one too
	header, property string // its name, or that of the property; without either, the routing key
	shares           []share
	total            uint64 // buckets
}

// share is the buckets of one destination, which follow each other.
type share struct {
	by      *bound // the first one that leads there
	buckets uint64
	end     uint64 // the first bucket behind it
}

func newRing(args wire.Table) *ring {
	r := &ring{}
	r.header, r.byHeader, _ = stringArgument(args, hashHeader)
	r.property, _, _ = stringArgument(args, hashProperty)
	return r
}

// stringArgument returns an argument, whether it is there, and ErrInternal if it is no text.
func stringArgument(args wire.Table, name string) (value string, ok bool, err error) {
	v, ok := args.Get(name)
	if !ok {
		return "", false, nil
	}
	s, isString := v.(wire.String)
	if !isString {
		return "", true, ErrInternal
	}
	return string(s), true, nil
}

func (r *ring) add(b *bound) {
	if r.find(b.to) >= 0 {
		return
	}
	weight, _ := Rules{}.parseWeight(b.Key) // Bind has asked for errors
	r.shares = append(r.shares, share{by: b, buckets: weight})
	r.count()
}

func (r *ring) remove(b *bound) {
	if at := r.find(b.to); at >= 0 {
		r.shares = slices.Delete(r.shares, at, at+1)
		r.count()
	}
}

func (r *ring) find(t *target) int {
	return slices.IndexFunc(r.shares, func(s share) bool { return s.by.to == t })
}

// count numbers the buckets.
func (r *ring) count() {
	r.total = 0
	for i := range r.shares {
		r.total += r.shares[i].buckets
		r.shares[i].end = r.total
	}
}

func (r *ring) route(g *Graph) {
	if r.total == 0 {
		return
	}
	bucket := jump(r.hash(&g.message), r.total)
	at, _ := slices.BinarySearchFunc(r.shares, bucket, func(s share, bucket uint64) int {
		if s.end <= bucket {
			return -1
		}
		return 1
	})
	g.carry(r.shares[at].by)
}

// maxBuckets keeps the sum of many weights within a uint64. RabbitMQ makes an entry per bucket and is out of memory
// long before.
const maxBuckets = 1 << 32

// parseWeight returns the weight that a binding key says, at most maxBuckets.
func (r Rules) parseWeight(key string) (uint64, error) {
	weight, ok := new(big.Int).SetString(key, 10)
	if !ok || key == "" {
		return 0, Refusal("The binding key must be an integer: " + r.binary(key))
	}
	if weight.Sign() < 1 {
		return 0, Refusal("The binding key must be greater than 0")
	}
	if r.MaxWeight > 0 && weight.Cmp(big.NewInt(r.MaxWeight)) > 0 {
		return 0, Refusal("The binding key must not exceed " + strconv.FormatInt(r.MaxWeight, 10))
	}
	if weight.Cmp(big.NewInt(maxBuckets)) > 0 {
		return maxBuckets, nil
	}
	return weight.Uint64(), nil
}

// validateHash returns the error of RabbitMQ for a consistent-hash exchange with these arguments.
func validateHash(args wire.Table) error {
	_, byHeader, err := stringArgument(args, hashHeader)
	if err != nil {
		return err
	}
	property, byProperty, err := stringArgument(args, hashProperty)
	if err != nil {
		return err
	}
	switch {
	case byHeader && byProperty:
		return Refusal("hash-header and hash-property are mutually exclusive")
	case byProperty && property != correlationID && property != messageID && property != timestamp:
		return Refusal("Unsupported property: " + property)
	}
	return nil
}

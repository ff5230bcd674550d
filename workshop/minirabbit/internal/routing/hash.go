package routing

import (
	"strconv"

	"warren.example/workshop/wire"
)

// hash returns the hash of what the ring looks at. Further routing keys (CC) play no part.
func (r *ring) hash(m *Message) uint64 {
	switch {
	case r.byHeader:
		return hashValue(m.header(r.header))
	case r.property != "" && m.Properties == nil:
		return hashValue(nil, false)
	case r.property == correlationID:
		return hashOptional(m.Properties.CorrelationId)
	case r.property == messageID:
		return hashOptional(m.Properties.MessageId)
	case r.property == timestamp:
		if m.Properties.Timestamp == nil {
			return hashValue(nil, false)
		}
		return hashText(strconv.FormatUint(uint64(*m.Properties.Timestamp), 10))
	}
	return hashText(m.Key)
}

func hashOptional(s *string) uint64 {
	if s == nil {
		return hashValue(nil, false)
	}
	return hashText(*s)
}

// hashValue gives equal hashes to whole numbers that are equal, whatever their size.
func hashValue(v wire.Value, ok bool) uint64 {
	if !ok {
		return mix(1)
	}
	if s, ok := text(v); ok {
		return hashText(s)
	}
	if n, ok := integer(v); ok {
		return mix(n.bits)
	}
	return hashText(v.String())
}

// hashText is FNV-1a (RFC 9923) with a mixer behind it, since jump needs all bits to be good.
func hashText(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finishing step of SplitMix64: it spreads each bit over all.
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// jump picks one of n buckets, n > 0: the same for the same hash, and with a bucket more only one of n+1 hashes moves.
// It is the jump consistent hash of Lamping and Veach (arXiv 1406.2294).
func jump(hash, n uint64) uint64 {
	bucket, next := int64(-1), int64(0)
	for uint64(next) < n {
		bucket = next
		hash = hash*2862933555777941757 + 1
		next = int64(float64(bucket+1) * (float64(int64(1)<<31) / float64(hash>>33+1)))
	}
	return uint64(bucket)
}

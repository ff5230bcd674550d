package vhost

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// names invents names that nobody else has: 16 random bytes in the alphabet of RabbitMQ (rabbit_guid).
type names struct{}

func (names) new(prefix string) string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand never fails
	return prefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// withoutLineEnds takes away what RabbitMQ takes away from declared names (strip_cr_lf).
func withoutLineEnds(name string) string {
	if !strings.ContainsAny(name, "\r\n") {
		return name
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(name)
}

package vhost

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// sortedKeys makes the order of a walk through a map the same each time, so that what the broker does is too.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func byName(a, b *hostQueue) int { return strings.Compare(a.name, b.name) }

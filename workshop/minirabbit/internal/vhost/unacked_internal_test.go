package vhost

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUnackedFindsWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var u unacked
		var want []uint64
		tag := uint64(0)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "add", "take", "first", "all"}).Draw(t, "op") {
			case "add":
				tag += rapid.Uint64Range(1, 3).Draw(t, "gap")
				u.add(delivery{tag: tag})
				want = append(want, tag)
			case "take":
				n := rapid.Uint64Range(0, tag+2).Draw(t, "tag")
				i := slices.Index(want, n)
				_, there := u.get(n)
				d, ok := u.take(n)
				require.Equal(t, i >= 0, ok)
				require.Equal(t, ok, there)
				if ok {
					require.Equal(t, n, d.tag)
					want = slices.Delete(want, i, i+1)
				}
			case "first":
				n := rapid.Uint64Range(0, tag+2).Draw(t, "tag")
				taken, ok := u.takeUpTo(n, nil)
				i := slices.Index(want, n)
				require.Equal(t, n == 0 || i >= 0, ok)
				if !ok {
					continue
				}
				if n == 0 {
					i = len(want) - 1
				}
				require.Len(t, taken, i+1)
				want = slices.Delete(want, 0, i+1)
			}
			var left []uint64
			for d := range u.all() {
				left = append(left, d.tag)
			}
			require.Equal(t, len(want), u.len())
			require.True(t, slices.Equal(want, left))
			d, ok := u.first()
			require.Equal(t, len(want) > 0, ok)
			require.True(t, !ok || d.tag == want[0])
		}
	})
}

func TestUnackedStaysSmallBehindAnOldDelivery(t *testing.T) {
	var u unacked
	u.add(delivery{tag: 1})
	for tag := uint64(2); tag < 100_000; tag++ {
		u.add(delivery{tag: tag})
		u.take(tag)
	}
	require.Less(t, cap(u.list), 1000)
}

func TestConfirmsThatWaitStayFew(t *testing.T) {
	var l confirmLine
	next := uint64(0)
	for n := range uint64(100_000) {
		l.add(waiting{event: n})
		if n >= 10 {
			for _, w := range l.upTo(n - 10) {
				require.Equal(t, next, w.event)
				next++
			}
		}
	}
	require.Less(t, cap(l.list), 10_000)
}

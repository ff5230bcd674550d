package routing_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"warren.example/workshop/minirabbit/internal/routing"
)

func TestTopicExchangeMatchesWords(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{""}, []string{"a", ".", "#"}},
		{"a.b", []string{"a.b"}, []string{"a", "a.b.c", "a.c", "ab", "*.b"}},
		{"*", []string{"a", "*", "#"}, []string{"", "a.b", "."}},
		{"*.*", []string{"a.b", "."}, []string{"a", "a.b.c"}},
		{"#", []string{"", "a", "a.b", ".", "a..b"}, nil},
		{"a.#", []string{"a", "a.b", "a.b.c", "a."}, []string{"", "b", "b.a", "ab"}},
		{"#.a", []string{"a", "b.a", ".a", "c.b.a"}, []string{"", "a.b"}},
		{"a.#.b", []string{"a.b", "a.c.b", "a.c.d.b", "a.b.b"}, []string{"a", "b", "a.b.c"}},
		{"a.*.b", []string{"a.c.b", "a..b"}, []string{"a.b", "a.c.d.b"}},
		{"#.*", []string{"a", "a.b", "."}, []string{""}},
		{"*.#", []string{"a", "a.b", "."}, []string{""}},
		{"#.#", []string{"", "a", "a.b"}, nil},
		{"a..b", []string{"a..b"}, []string{"a.b", "a.x.b"}},
		{".", []string{"."}, []string{"", "a", ".."}},
		{"a*", []string{"a*"}, []string{"ab", "a"}}, // not a whole word
		{"é.#", []string{"é.ü"}, []string{"e"}},
	}
	for _, test := range tests {
		w := newWorld(t, "q").exchange("x", routing.Topic).bind(toQueue("x", "q", test.pattern))
		for _, key := range test.yes {
			w.goes("x", key, "q")
		}
		for _, key := range test.no {
			w.goes("x", key)
		}
	}
}

func TestTopicBindingsShareTheirPaths(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d").exchange("x", routing.Topic)
	w.bind(toQueue("x", "a", "s.*.r"), toQueue("x", "b", "s.*.r"), toQueue("x", "c", "s.#"), toQueue("x", "d", "s.m"))
	w.goes("x", "s.m.r", "a", "b", "c")
	w.Unbind(toQueue("x", "a", "s.*.r"))
	w.goes("x", "s.m.r", "b", "c")
	w.Unbind(toQueue("x", "c", "s.#"))
	w.goes("x", "s.m.r", "b")
	w.goes("x", "s.m", "d")
	w.Unbind(toQueue("x", "b", "s.*.r"))
	w.Unbind(toQueue("x", "d", "s.m"))
	w.goes("x", "s.m")
}

// Walking such a pattern path by path would take longer than anyone can wait.
func TestManyWildcardsDoNotExplode(t *testing.T) {
	pattern := strings.Repeat("#.*.", 60) + "end"
	w := newWorld(t, "q").exchange("x", routing.Topic).bind(toQueue("x", "q", pattern))
	w.goes("x", strings.Repeat("a.", 120))
	w.goes("x", strings.Repeat("a.", 120)+"end", "q")
}

// matches is the definition of a topic match, without regard to cost.
func matches(pattern, key []string) bool {
	if len(pattern) == 0 {
		return len(key) == 0
	}
	if pattern[0] == "#" {
		return matches(pattern[1:], key) || len(key) > 0 && matches(pattern, key[1:])
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && matches(pattern[1:], key[1:])
}

func split(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// expression is the same in the language of regular expressions: each word of the key is written with a dot behind it.
func expression(pattern string) *regexp.Regexp {
	var text strings.Builder
	for _, word := range split(pattern) {
		switch word {
		case "#":
			text.WriteString(`([^.]*\.)*`)
		case "*":
			text.WriteString(`[^.]*\.`)
		default:
			text.WriteString(regexp.QuoteMeta(word) + `\.`)
		}
	}
	return regexp.MustCompile("^" + text.String() + "$")
}

func dotted(key string) string {
	if key == "" {
		return ""
	}
	return key + "."
}

func keys(words ...string) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 6), func(w []string) string { return strings.Join(w, ".") })
}

func TestTopicExchangeAgreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		patterns := rapid.SliceOfNDistinct(keys("a", "b", "", "*", "#", "#"), 1, 12, rapid.ID[string]).Draw(rt, "patterns")
		removed := rapid.IntRange(0, len(patterns)).Draw(rt, "removed")
		w := newWorld(t).exchange("x", routing.Topic)
		for _, p := range patterns {
			w.AddQueue("to " + p)
			w.bind(toQueue("x", "to "+p, p))
		}
		for _, p := range patterns[:removed] {
			w.Unbind(toQueue("x", "to "+p, p))
		}
		for range 5 {
			key := keys("a", "b", "", "*").Draw(rt, "key")
			want := []string(nil)
			for _, p := range patterns[removed:] {
				is := matches(split(p), split(key))
				require.Equal(rt, is, expression(p).MatchString(dotted(key)), "the two definitions differ: %q %q", p, key)
				if is {
					want = append(want, "to "+p)
				}
			}
			w.goes("x", key, want...)
		}
	})
}

func FuzzTopic(f *testing.F) {
	for _, seed := range [][2]string{{"a.#.b", "a.b"}, {"*.*", "."}, {"#.#.#", ""}, {"a..", "a.."}, {"*#", "#*"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		if len(pattern) > 255 || len(key) > 255 || strings.Count(pattern, "#") > 3 {
			t.Skip("the definition is slow")
		}
		w := newWorld(t, "q").exchange("x", routing.Topic).bind(toQueue("x", "q", pattern))
		if matches(split(pattern), split(key)) {
			w.goes("x", key, "q")
		} else {
			w.goes("x", key)
		}
		w.Unbind(toQueue("x", "q", pattern))
		w.goes("x", key)
	})
}

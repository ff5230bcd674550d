package transcript

import (
	"fmt"
	"slices"
	"strings"
)

// Comparison is what became of one script on one broker.
type Comparison struct {
	Script  Script
	Meant   []Difference // differences that the script explains and that were there
	Problem string       // the unexplained rest, for people; "" if there is none
	Earlier []string     // the problems of runs before this one, see Insist
}

// Insist compares until there is no problem, at most so many times, and keeps what the earlier runs said.
//
// It is for real brokers, which leave some answers to chance. A quorum queue, for one, tells its publishers that it is full
// by a message of its own, that may come after the confirm that the next publish waited for: then one message more is
// taken than was recorded. "May answer so" can be asked of such a broker; "always answers so" can't.
func Insist(times int, compare func() Comparison) Comparison {
	var earlier []string
	for {
		c := compare()
		c.Earlier = earlier
		if c.Problem == "" || len(earlier)+1 >= times {
			return c
		}
		earlier = append(earlier, c.Problem)
	}
}

// Compare compares a transcript with the golden one. Differences that the script declares for the golden version are
// allowed if mini is set: then they must be there, so that none outlives its reason.
func Compare(s Script, version string, golden, got []string, mini bool) Comparison {
	c := Comparison{Script: s}
	want := golden
	if mini {
		for _, d := range s.Differences {
			if !slices.Contains(d.Versions, version) {
				continue
			}
			replaced, ok := replace(want, d.Golden, d.Mini)
			if !ok {
				c.Problem += fmt.Sprintf("the difference %q is declared, but RabbitMQ %s says nowhere\n  %s\n",
					d.Reason, version, strings.Join(d.Golden, "\n  "))
				continue
			}
			want = replaced
			c.Meant = append(c.Meant, d)
		}
	}
	if !slices.Equal(want, got) {
		c.Problem += diff(want, got)
	}
	return c
}

// replace puts new lines in the place of the first run of old ones.
func replace(lines, old, with []string) ([]string, bool) {
	for i := 0; i+len(old) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(old)], old) {
			return slices.Replace(slices.Clone(lines), i, i+len(old), with...), true
		}
	}
	return nil, false
}

// diff shows the transcript up to the first line that differs, and then both rests as far as they are not equal again.
func diff(want, got []string) string {
	begin := 0
	for begin < len(want) && begin < len(got) && want[begin] == got[begin] {
		begin++
	}
	end := 0
	for end < len(want)-begin && end < len(got)-begin && want[len(want)-1-end] == got[len(got)-1-end] {
		end++
	}
	var b strings.Builder
	show := func(mark string, lines []string) {
		for _, line := range lines {
			b.WriteString(mark + line + "\n")
		}
	}
	show("  ", want[:begin])
	show("- ", want[begin:len(want)-end])
	show("+ ", got[begin:len(got)-end])
	show("  ", want[len(want)-end:])
	return b.String()
}

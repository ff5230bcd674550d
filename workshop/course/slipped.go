package course

import (
	"context"
	"slices"
	"strings"

	"warren.example/workshop/course/gotest"
)

// lookAgain judges a mistake that slipped through twice more, and reports whether it was caught both times. The report
// says so: a test that sees a mistake only mostly is to be mended, but a loaded machine should not make a course red that
// is right.
func (p *prepared) lookAgain(ctx context.Context, r Runner, wants Wants) (v Verdict, f finding, caught bool) {
	for range solutionRuns - 1 {
		var err error
		if v, err = p.run(ctx, r); err != nil {
			return v, f, false
		}
		if f = judgeMistake(v, wants); f.status() != Passed {
			return v, f, false
		}
	}
	return v, f, true
}

// whoElse says which other tests reject a mistake that its own test doesn't reject as wanted: most often the author named
// the wrong one.
func (p *prepared) whoElse(ctx context.Context, r Runner, wants Wants) []string {
	whole := *p
	whole.options.Run = ""
	all, err := whole.run(ctx, r)
	if err != nil || all.End != gotest.Ended {
		return nil
	}
	var others []string
	for _, t := range all.Tests {
		named := slices.ContainsFunc(wants.Claims, func(w Want) bool { return w.Test == t.Name })
		if t.Outcome == gotest.Fail && !named {
			others = append(others, t.Name)
		}
	}
	if len(others) == 0 {
		return []string{"no other test rejects it"}
	}
	return []string{"it is rejected by " + strings.Join(others, ", ")}
}

package course_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
	"warren.example/workshop/course/gotest"
)

func TestGoodCoursePasses(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("workshop/lab/lab_test.go", `package lab_test

import "testing"

func TestGreen(t *testing.T)   {}
func TestSkipped(t *testing.T) { t.Skip("needs a cluster") }
`)
	f.put("01-fake/demo/main_test.go", "package main\n\nimport \"testing\"\n\nfunc TestDemo(t *testing.T) {}\n")
	f.put("01-fake/demo/main.go", "package main\n\nfunc main() {}\n")

	var progress []string
	report := f.verify(course.VerifyOptions{Progress: func(r course.Row) { progress = append(progress, r.String()) }})

	require.True(t, report.OK(), report)
	require.Empty(t, report.Problems)
	require.Len(t, progress, len(report.Rows))
	// 4 variants, vet of 3 modules, TestGreen, TestDemo; and one skip.
	require.Equal(t, "9 passed, 0 failed, 1 skipped", report.Sum(), report)
	require.Contains(t, report.String(), "TestSkipped: needs a cluster")
	require.Contains(t, report.String(), "1 skeleton, 1 solution, 2 mistakes")
	require.True(t, strings.HasSuffix(report.String(), "\n9 passed, 0 failed, 1 skipped\n"))
	require.Equal(t, 3, row(t, report, "01/1 solution").Verdict.Count)
	require.Equal(t, []string{"TestSum"}, names(*row(t, report, "01/1 minus").Verdict), "only the named test runs")

	for _, o := range []course.VerifyOptions{{Selection: "01"}, {CourseOnly: true}} {
		again := f.verify(o)
		require.Equal(t, 4, again.Kept, again)
		require.Equal(t, "4 passed, 0 failed, 0 skipped", again.Sum(), "the machinery belongs to no chapter")
	}
}

func TestBrokenMachineryFails(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("workshop/lab/lab_test.go", "package lab_test\n\nimport \"testing\"\n\nfunc TestRed(t *testing.T) { t.Error(\"lab is broken\") }\n")
	f.put("workshop/tap/tap.go", "package tap\n")
	f.put("workshop/tap/tap_test.go", "package tap_test\n\nfunc nothing() { undefined() }\n")

	report := f.verify(course.VerifyOptions{})
	require.False(t, report.OK())
	require.Contains(t, report.String(), "lab is broken")
	require.Contains(t, report.String(), "undefined: undefined")
	require.Equal(t, 3, report.Failed, "vet of the machinery, TestRed, tap's tests: %s", report)

	_, end, _ := strings.Cut(report.String(), "machinery: ")
	require.Equal(t, 3, strings.Count(end, "\nfailed: "), "the end of a log says what failed: %s", report)
	require.Contains(t, end, "\nfailed: warren.example/workshop/lab on B: TestRed: lab_test.go:5: lab is broken\n")
}

// TestDefectsAreReported spoils many variants of one course, and verifies it once.
func TestDefectsAreReported(t *testing.T) {
	t.Parallel()
	f := newFake(t, 4)
	const (
		returnNotDone = "return 0, notDone"
		solve         = "\treturn int8(sum), nil"
	)
	skeleton := func(n int) string { return numbered("solutions/01-fake/N-add/skeleton/add.go", n) }
	solution := func(n int) string { return numbered("solutions/01-fake/N-add/add.go", n) }
	minus := func(n int) string { return numbered("solutions/01-fake/N-add/mistakes/minus/add.go", n) }
	overflow := func(n int) string { return numbered("solutions/01-fake/N-add/mistakes/overflow/add.go", n) }

	f.edit(skeleton(1), returnNotDone, `panic("to do")`)
	f.edit(skeleton(2), returnNotDone, "return a + b, nil")
	f.edit(skeleton(3), returnNotDone, "return 0, nothing")
	f.edit(skeleton(4), returnNotDone, "select {}")

	f.edit(solution(1), solve, "\tcalls++\n\tif calls == 4 {\n\t\treturn 0, errors.New(\"tired\")\n\t}\n"+solve)
	f.put(solution(1), f.read(solution(1))+"\nvar calls int // the second test returns before it counts: runs 1 to 3 make 3 calls\n")
	f.edit(solution(1), "calls == 4", "calls == 2")
	f.edit(solution(2), solve, "\tdone := make(chan bool)\n\tgo func() { last = sum; close(done) }()\n\tlast = sum\n\t<-done\n"+solve)
	f.put(solution(2), f.read(solution(2))+"\nvar last int\n")
	f.edit(solution(3), solve, "\tos.Exit(3)\n"+solve)
	f.edit(solution(3), `import "errors"`, "import (\n\t\"errors\"\n\t\"os\"\n)")
	f.edit(solution(4), solve, "\tfmt.Printf(\"%d\\n\", \"vet\")\n"+solve)
	f.edit(solution(4), `import "errors"`, "import (\n\t\"errors\"\n\t\"fmt\"\n)")

	f.edit(minus(1), "int(a) - int(b)", "int(a) + int(b)")
	f.edit(minus(2), "1 + 2 is -1", "1 + 2 is 4")
	f.edit(minus(3), "diff := int(a)", "diff := int(c)")
	f.edit(minus(4), "diff := int(a) - int(b)", "<-make(chan int)\n\tdiff := 0")
	f.edit(overflow(1), "return a + b, nil", "return a - b, errors.New(\"never\")")
	f.edit(overflow(1), "package add\n\n", "package add\n\nimport \"errors\"\n\n")
	f.edit(overflow(2), "return a + b, nil", `panic("boom")`)
	f.edit(overflow(3), "return a + b, nil", `panic("boom")`)
	f.edit(overflow(3), `"no error"`, `"panic: boom"`)
	f.edit(overflow(4), "// want", "// brokers: 3.10\n// want")

	report, err := f.course().Verify(t.Context(), course.Runner{Timeout: 10 * time.Second, Broker: course.Broker{Name: "B", Version: "4.0.5"}},
		course.VerifyOptions{Selection: "01"})
	require.NoError(t, err)
	for name, want := range map[string]string{
		"01/1 skeleton": "TestSum: panics: panic: to do",
		"01/2 skeleton": "TestSum is green without any work",
		"01/3 skeleton": "does not build: ",
		"01/4 skeleton": "the time was up: TestSum, TestOverflowIsAnError hung",
		"01/1 solution": "TestSum failed in 1 of 3 runs: ",
		"01/2 solution": "DATA RACE",
		"01/3 solution": "TestSum: panics: ",
		"01/4 solution": "go vet objects: ",
		"01/1 minus":    "TestSum passes: the mistake is not seen",
		"01/2 minus":    `TestSum rejects it, but without the text "1 + 2 is 4": `,
		"01/3 minus":    "undefined: c",
		"01/4 minus":    "the time was up: TestSum hung",
		"01/1 overflow": "TestOverflowIsAnError passes: the mistake is not seen\nit is rejected by TestSum",
		"01/2 overflow": "TestOverflowIsAnError: panics: panic: boom",
	} {
		row := row(t, report, name)
		if want == "DATA RACE" && !row.Verdict.Race {
			continue
		}
		require.Equal(t, course.Failed, row.Status, name)
		require.Contains(t, strings.Join(row.Why, "\n"), want, name)
	}
	require.Equal(t, course.Passed, row(t, report, "01/3 overflow").Status, "a panic that is wanted is a catch")
	elsewhere := row(t, report, "01/4 overflow")
	require.Equal(t, course.Skipped, elsewhere.Status)
	require.Equal(t, []string{"needs RabbitMQ 3.10, where this is a mistake; the broker is 4.0.5"}, elsewhere.Why)
	require.Equal(t, 1, report.Skipped)
	require.Contains(t, report.String(), "\n01/1")
}

func TestSkippedClaimIsNoCatch(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.edit("01-fake/1-add/add_test.go", "func TestSum(t *testing.T) {", "func TestSum(t *testing.T) {\n\tt.Skip(\"needs a cluster\")")

	report := f.verify(course.VerifyOptions{Selection: "01"})
	minus := row(t, report, "01/1 minus")
	require.Equal(t, course.Skipped, minus.Status)
	require.Equal(t, []string{"TestSum: needs a cluster"}, minus.Why)
	require.Equal(t, course.Passed, row(t, report, "01/1 solution").Status)
	require.Equal(t, "3 passed, 0 failed, 3 skipped", report.Sum(), report)

	again := f.verify(course.VerifyOptions{Selection: "01"})
	require.Equal(t, 1, again.Kept, "what was skipped is judged again: next time it may be possible: %s", again)
}

func TestKeptVerdictsAreAboutTheSameThing(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	b := course.Broker{Name: "RabbitMQ 3.10.8 (native)", Version: "3.10.8"}
	kept := func(o course.VerifyOptions, b course.Broker) string {
		t.Helper()
		o.Selection = "01"
		report, err := f.course().Verify(t.Context(), course.Runner{Broker: b}, o)
		require.NoError(t, err)
		require.True(t, report.OK(), report)
		var kept []string
		for _, row := range report.Rows {
			if row.Kept {
				kept = append(kept, strings.TrimSpace(string(row.Kind)+" "+row.Mistake))
			}
		}
		return strings.Join(kept, ", ")
	}
	const all = "skeleton, solution, mistake overflow, mistake minus"

	require.Empty(t, kept(course.VerifyOptions{}, b))
	require.Equal(t, all, kept(course.VerifyOptions{}, b))
	require.Equal(t, "skeleton, solution", kept(course.VerifyOptions{Long: true}, b), "mistakes run more often")
	require.Empty(t, kept(course.VerifyOptions{Fresh: true}, b))
	require.Empty(t, kept(course.VerifyOptions{}, course.Broker{Name: "RabbitMQ 4.0.5 (native)", Version: "4.0.5"}), "another broker")
	before := shelved(t, f)
	require.Empty(t, kept(course.VerifyOptions{}, course.Broker{}), "a broker without a name could be any")
	require.Len(t, shelved(t, f), len(before))

	f.put("01-fake/1-add/add.go", fakeSolution)
	f.put("01-fake/1-add/more.go", "package add\n\nfunc Add() {}\n")
	f.put("workshop/other/other.go", "package other\n")
	f.edit("01-fake/1-add/HINTS.md", "add, compare", "compare, add")
	require.Equal(t, all, kept(course.VerifyOptions{}, b), "nothing that is judged has changed")

	f.edit("solutions/01-fake/1-add/mistakes/minus/add.go", "diff := ", "diff := 0 + ")
	require.Equal(t, "skeleton, solution, mistake overflow", kept(course.VerifyOptions{}, b))
	f.edit("01-fake/1-add/add_test.go", "sum != 3", "3 != sum")
	require.Empty(t, kept(course.VerifyOptions{}, b), "the tests")
	f.edit("workshop/lab/lab.go", `"!"`, `"!!"`)
	require.Empty(t, kept(course.VerifyOptions{}, b), "what the tests import")
	f.edit("01-fake/go.mod", "go 1.25.0\n", "go 1.25.0\n\n// changed\n")
	require.Empty(t, kept(course.VerifyOptions{}, b), "go.mod")
	require.Equal(t, all, kept(course.VerifyOptions{}, b))
}

func TestGarbageOnTheShelfIsJudgedAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	require.True(t, f.verify(course.VerifyOptions{Selection: "01"}).OK())
	files := shelved(t, f)
	require.Len(t, files, 4)
	for _, file := range files {
		require.NoError(t, os.WriteFile(file, []byte("{"), 0o644))
	}
	require.Zero(t, f.verify(course.VerifyOptions{Selection: "01"}).Kept)
	require.Equal(t, 4, f.verify(course.VerifyOptions{Selection: "01"}).Kept)
}

func TestRedVerdictsAreNotKept(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.edit("solutions/01-fake/1-add/mistakes/minus/add.go", "1 + 2 is -1", "1 + 2 is 4")
	require.Equal(t, 1, f.verify(course.VerifyOptions{Selection: "01"}).Failed)
	again := f.verify(course.VerifyOptions{Selection: "01"})
	require.Equal(t, 1, again.Failed)
	require.False(t, row(t, again, "01/1 minus").Kept)
	require.Equal(t, 3, again.Kept)
}

func TestOriginalsAreJudgedWhateverTheLearnerWrote(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("01-fake/1-add/add.go", "this is no Go")
	f.put("01-fake/1-add/more.go", "package add\n\nfunc Add() {}\n")

	report := f.verify(course.VerifyOptions{Selection: "01"})
	require.True(t, report.OK(), report)
	require.Contains(t, strings.Join(report.Notes, "\n"), "originals were judged: 01-fake/1-add/add.go 01-fake/1-add/more.go")
}

func TestEachBrokerIsJudgedAndTold(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.edit("01-fake/1-add/add_test.go", "t.Parallel()\n\tsum", "if os.Getenv(\"FAKE_BROKER\") == \"bad\" {\n\t\tt.Fatal(\"bad broker\")\n\t}\n\tsum")
	f.edit("01-fake/1-add/add_test.go", "import (", "import (\n\t\"os\"")

	report := f.verify(course.VerifyOptions{Selection: "01", Brokers: []course.Broker{
		{Name: "good", Env: []string{"FAKE_BROKER=good"}}, {Name: "bad", Env: []string{"FAKE_BROKER=bad"}},
	}})
	got := map[string]int{}
	for _, row := range report.Rows {
		got[row.Broker+" "+string(row.Status)]++
		require.Equal(t, row.Broker, row.Verdict.Broker)
	}
	require.Equal(t, map[string]int{"good passed": 4, "bad passed": 1, "bad failed": 3}, got)
	require.Regexp(t, `01/1 +passed +passed +2 of 2 +good\n01/1 .* bad\n`, report.String(), "the table shows both")
	require.Contains(t, report.String(), "1 skeleton, 1 solution, 2 mistakes, each on 2 brokers")
}

func TestAStandInAloneIsNoted(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	mini := course.Broker{Name: "minirabbit 4.0.5 (stand-in)", Version: "4.0.5", StandIn: true}
	real := course.Broker{Name: "RabbitMQ 4.0.5 (native)", Version: "4.0.5"}
	const caveat = "minirabbit stands in for RabbitMQ; a real one: make up"
	require.Contains(t, f.verify(course.VerifyOptions{Selection: "01", Brokers: []course.Broker{mini}}).String(), caveat)
	both := f.verify(course.VerifyOptions{Selection: "01", Brokers: []course.Broker{mini, real}})
	require.NotContains(t, both.String(), caveat, "a real one judged too")
	require.Equal(t, 4, both.Kept, "of the stand-in's: %s", both)
}

func TestTheMachineryIsTestedOnTheRealBroker(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("workshop/lab/lab_test.go", `package lab_test

import (
	"os"
	"testing"
)

func TestBroker(t *testing.T) {
	if os.Getenv("FAKE_BROKER") != "real" {
		t.Fatal("the stand-in")
	}
}
`)
	report := f.verify(course.VerifyOptions{Brokers: []course.Broker{
		{Name: "mini", StandIn: true, Env: []string{"FAKE_BROKER=mini"}}, {Name: "real", Env: []string{"FAKE_BROKER=real"}},
	}})
	require.True(t, report.OK(), report)
}

func TestInterruptedVerificationSaysWhatItFound(t *testing.T) {
	t.Parallel()
	f := newFake(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	report, err := f.course().Verify(ctx, course.Runner{}, course.VerifyOptions{
		Selection: "01", Workers: 1, Progress: func(course.Row) { cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, report.Rows, 1)
}

func TestVerdictAndReportHaveAStableJSONForm(t *testing.T) {
	t.Parallel()
	content, err := json.Marshal(course.Report{
		Problems: []course.Problem{{File: "01-basics/chapter.yaml", Line: 3, Text: "…"}},
		Rows: []course.Row{{
			Exercise: "01/1", Kind: course.Wrong, Mistake: "minus", Broker: "B", Status: course.Failed, Why: []string{"…"}, Failed: 1,
			Verdict: &course.Verdict{
				Exercise: "01/1", Kind: course.Wrong, Mistake: "minus", File: "solutions/…", Broker: "B", Version: "4.0.5", Count: 1,
				Built: true, Vetted: true, End: gotest.Ended,
				Tests: []gotest.Test{{Name: "TestSum", Outcome: gotest.Fail, Runs: 1, Failed: 1, Text: "t", Claim: &gotest.Claim{Saw: "s", Want: "w"}}},
			},
		}},
		Failed: 2,
	})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"problems": [{"file": "01-basics/chapter.yaml", "line": 3, "text": "…"}],
		"rows": [{
			"exercise": "01/1", "kind": "mistake", "mistake": "minus", "broker": "B", "status": "failed", "why": ["…"],
			"passed": 0, "failed": 1, "skipped": 0, "kept": false, "seconds": 0,
			"verdict": {
				"exercise": "01/1", "kind": "mistake", "mistake": "minus", "file": "solutions/…", "content": "",
				"broker": "B", "version": "4.0.5", "race": false, "count": 1, "built": true, "vetted": true, "passed": false,
				"end": "ended", "seconds": 0, "kept": false,
				"tests": [{
					"name": "TestSum", "outcome": "fail", "runs": 1, "failed": 1, "text": "t", "notDone": false, "seconds": 0,
					"claim": {"saw": "s", "want": "w", "why": ""}
				}]
			}
		}],
		"notes": null, "passed": 0, "failed": 2, "skipped": 0, "kept": 0, "seconds": 0
	}`, string(content))
}

// shelved returns the files of the verdicts that are kept.
func shelved(t *testing.T, f *fake) []string {
	t.Helper()
	files, err := filepath.Glob(f.path(".workshop/verdicts/*.json"))
	require.NoError(t, err)
	return files
}

func names(v course.Verdict) []string {
	var all []string
	for _, test := range v.Tests {
		all = append(all, test.Name)
	}
	return all
}

package course_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoodCourseHasNoProblems(t *testing.T) {
	t.Parallel()
	require.Empty(t, newFake(t, 2).course().Inspect(true))
}

func TestWhatCatalogueAndTreeDisagreeOnIsFound(t *testing.T) {
	t.Parallel()
	const mistake = "solutions/01-fake/1-add/mistakes/minus/add.go"
	for name, c := range map[string]struct {
		spoil func(f *fake)
		want  string
	}{
		"no learner's file":   {func(f *fake) { f.remove("01-fake/1-add/add.go") }, "01-fake/1-add/add.go: missing: write the learner's file"},
		"no todo.go":          {func(f *fake) { f.remove("01-fake/1-add/todo.go") }, `01-fake/1-add/todo.go: missing: write var notDone = todo.New("01/1")`},
		"todo of another":     {func(f *fake) { f.edit("01-fake/1-add/todo.go", "01/1", "01/2") }, "01-fake/1-add/todo.go: it must say which exercise"},
		"no test":             {func(f *fake) { f.remove("01-fake/1-add/add_test.go") }, "01-fake/1-add: no test: write add_test.go"},
		"test from inside":    {func(f *fake) { f.edit("01-fake/1-add/add_test.go", "package add_test", "package add") }, "01-fake/1-add/add_test.go:1: tests judge from outside"},
		"no hints":            {func(f *fake) { f.remove("01-fake/1-add/HINTS.md") }, "01-fake/1-add/HINTS.md: missing: write the ladder"},
		"ladder with a gap":   {func(f *fake) { f.edit("01-fake/1-add/HINTS.md", "2 Shape", "3 Shape") }, `must begin with its number: "2 Nudge`},
		"hint without a rung": {func(f *fake) { f.edit("01-fake/chapter.yaml", "hint: 2", "hint: 7") }, "01-fake/chapter.yaml:14: 01/1 has no rung 7: HINTS.md has 2"},
		"no solution":         {func(f *fake) { f.remove("solutions/01-fake/1-add/add.go") }, "solutions/01-fake/1-add/add.go: missing: write the solution"},
		"no pristine":         {func(f *fake) { f.remove("solutions/01-fake/1-add/skeleton") }, "skeleton/add.go: missing: write the pristine skeleton"},
		"skeleton without mark": {
			func(f *fake) { f.edit("solutions/01-fake/1-add/skeleton/add.go", "TODO(01/1)", "TODO") },
			"skeleton/add.go: mark the work with // TODO(01/1): …",
		},
		"unfinished solution": {
			func(f *fake) { f.edit("solutions/01-fake/1-add/add.go", "sum :=", "// TODO(01/1)\n\tsum :=") },
			"a solution has nothing to do",
		},
		"contract changed": {
			func(f *fake) { f.edit("solutions/01-fake/1-add/add.go", "is an error.", "is no error.") },
			"solutions/01-fake/1-add/add.go: the comment of Add differs",
		},
		"signature changed": {
			func(f *fake) { f.edit("solutions/01-fake/1-add/add.go", "(int8, error) {", "(sum int8, err error) {") },
			"Add differs from the skeleton: func Add(a, b int8) (sum int8, err error); there: func Add(a, b int8) (int8, error)",
		},
		"more exported": {
			func(f *fake) { f.put(mistake, f.read(mistake)+"\nfunc Sub() {}\n") },
			"minus/add.go: Sub is exported, but the skeleton has no Sub",
		},
		"one mistake": {
			func(f *fake) {
				f.edit("01-fake/chapter.yaml", "      - name: minus\n        claim: TestSum\n        hint: 1\n", "")
			},
			"01-fake/chapter.yaml:6: 01/1 has 1 mistakes: an exercise needs two",
		},
		"mistake in no catalogue": {
			func(f *fake) { f.put("solutions/01-fake/1-add/mistakes/third/add.go", "package add\n") },
			"solutions/01-fake/1-add/mistakes/third: not in 01-fake/chapter.yaml",
		},
		"mistake without folder": {func(f *fake) { f.remove("solutions/01-fake/1-add/mistakes/minus") }, "minus/add.go: missing: write the mistake"},
		"mistake without want":   {func(f *fake) { f.edit(mistake, "// want TestSum: \"1 + 2 is -1\"\n", "") }, "minus/add.go:1: no test is named that rejects this"},
		"want misspelt":          {func(f *fake) { f.edit(mistake, "// want TestSum:", "// want TestSum =") }, "minus/add.go:2: \"want TestSum = "},
		"want without text":      {func(f *fake) { f.edit(mistake, `"1 + 2 is -1"`, `""`) }, `minus/add.go:2: "" is no text`},
		"mistake without prose": {
			func(f *fake) { f.edit(mistake, "// It subtracts. In production, every order is wrong.\n", "") },
			"minus/add.go:1: say first what is wrong",
		},
		"claim is not want": {
			func(f *fake) { f.edit(mistake, "want TestSum", "want TestOverflowIsAnError") },
			"minus/add.go:2: it wants TestOverflowIsAnError, but 01-fake/chapter.yaml says claim: TestSum",
		},
		"no such test": {
			func(f *fake) {
				f.edit(mistake, "want TestSum", "want TestDifference")
				f.edit("01-fake/chapter.yaml", "claim: TestSum", "claim: TestDifference")
			},
			"01-fake/chapter.yaml:17: there is no test TestDifference; there are TestSum TestOverflowIsAnError",
		},
		"no such version": {func(f *fake) { f.edit(mistake, "// want", "// brokers: new\n// want") }, `minus/add.go:2: "new" is no version`},
		"exercise without link": {
			func(f *fake) { f.edit("01-fake/README.md", "(1-add/add.go)", "(chapter.yaml)") },
			"01-fake/README.md: no link to exercise 01/1: add [01/1 add](1-add/add.go)",
		},
		"link to nowhere": {
			func(f *fake) { f.edit("01-fake/README.md", "## Adding", "## Adding\n\n[there](no/such.go)") },
			`01-fake/README.md:5: link "no/such.go" leads nowhere`,
		},
		"anchor to nowhere": {
			func(f *fake) { f.edit("01-fake/1-add/HINTS.md", "#adding", "#subtracting") },
			"01-fake/1-add/HINTS.md:5: link \"../README.md#subtracting\" leads nowhere",
		},
		"failure that leads nowhere": {
			func(f *fake) { f.edit("01-fake/1-add/add_test.go", "#adding", "#sums") },
			`01-fake/1-add/add_test.go:16: link "01-fake/README.md#sums" leads nowhere`,
		},
		"link out of the tree": {
			func(f *fake) { f.edit("01-fake/README.md", "## Adding", "## Adding\n\n[x](../../x)") },
			"leads out of the workshop",
		},
		"no lesson":              {func(f *fake) { f.remove("01-fake/README.md") }, "01-fake/README.md: missing: write the lesson"},
		"stray exercise":         {func(f *fake) { f.put("01-fake/2-more/more.go", "package more\n") }, "01-fake/2-more: not in 01-fake/chapter.yaml"},
		"stray solution":         {func(f *fake) { f.put("solutions/01-fake/2-more/more.go", "package more\n") }, "solutions/01-fake/2-more: not in"},
		"stray chapter":          {func(f *fake) { f.put("02-more/go.mod", "module more\n") }, "02-more: a chapter without chapter.yaml"},
		"solved upstream":        {func(f *fake) { f.put("01-fake/1-add/add.go", fakeSolution) }, "01-fake/1-add/add.go: differs from the pristine skeleton"},
		"second file of learner": {func(f *fake) { f.put("01-fake/1-add/more.go", "package add\n") }, "01-fake/1-add/more.go: an exercise has one file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, 1)
			c.spoil(f)
			var found string
			for _, p := range f.course().Inspect(true) {
				found += p.String() + "\n"
			}
			require.Contains(t, found, c.want)
		})
	}
}

func TestLearnersWorkIsNoProblem(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.put("01-fake/1-add/add.go", fakeSolution)
	f.put("01-fake/1-add/more.go", "package add\n")
	require.Empty(t, f.course().Inspect(false))
}

func TestUnexportedPartsAreTheAuthorsBusiness(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	const doc = "\n// A Counter counts.\ntype Counter struct {\n\t// N is what was counted.\n\tN int\n"
	for _, name := range []string{"01-fake/1-add/add.go", "solutions/01-fake/1-add/skeleton/add.go"} {
		f.put(name, f.read(name)+doc+"}\n")
	}
	for _, name := range []string{"add.go", "mistakes/minus/add.go", "mistakes/overflow/add.go"} {
		name = "solutions/01-fake/1-add/" + name
		f.put(name, f.read(name)+doc+"\n\tlast, next int // own\n}\n\nfunc (c *Counter) count() { c.N += c.last + c.next }\n")
	}
	require.Empty(t, f.course().Inspect(true))

	f.edit("solutions/01-fake/1-add/add.go", "is what was counted", "is a number")
	require.Len(t, f.course().Inspect(true), 1)
}

func TestLinksInCodeAreNoLinks(t *testing.T) {
	t.Parallel()
	f := newFake(t, 1)
	f.edit("01-fake/README.md", "## Adding", "## Adding\n\n```\n[a](nowhere)\n# no heading\n```\n\n`[b](nowhere)` <a id=\"here\"></a>\n\n"+
		"[ok](#here) [ok](https://example.org/x#y) [ok](#adding) [bad](#no-heading)")
	problems := f.course().Inspect(true)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Text, "#no-heading")
}

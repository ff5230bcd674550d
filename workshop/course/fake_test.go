package course_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course"
)

// A fake is a small course in a folder of its own, with the standard library only and no broker. Its exercises all ask
// for the same: Add returns a sum.
type fake struct {
	t    *testing.T
	root string
}

// Files of a fake exercise. ID and N stand for the exercise's id and number.
const (
	fakeSkeleton = `// Package add adds.
package add

// Add returns a + b.
//   - A sum that does not fit is an error.
func Add(a, b int8) (int8, error) {
	// TODO(ID): add.
	return 0, notDone
}
`
	fakeSolution = `// Package add adds.
package add

import "errors"

// Add returns a + b.
//   - A sum that does not fit is an error.
func Add(a, b int8) (int8, error) {
	sum := int(a) + int(b)
	if sum != int(int8(sum)) {
		return 0, errors.New("too large")
	}
	return int8(sum), nil
}
`
	fakeOverflow = `// The sum overflows. In production, two large orders make a small one.
// want TestOverflowIsAnError: "no error"

// Package add adds.
package add

// Add returns a + b.
func Add(a, b int8) (int8, error) { return a + b, nil }
`
	fakeMinus = `// It subtracts. In production, every order is wrong.
// want TestSum: "1 + 2 is -1"

// Package add adds.
package add

import "errors"

// Add returns a - b.
func Add(a, b int8) (int8, error) {
	diff := int(a) - int(b)
	if int(a)+int(b) != int(int8(int(a)+int(b))) {
		return 0, errors.New("too large")
	}
	return int8(diff), nil
}
`
	fakeTest = `package add_test

import (
	"strings"
	"testing"

	add "warren.example/01-fake/N-add"
	"warren.example/workshop/lab"
)

func TestSum(t *testing.T) {
	t.Parallel()
	sum, err := add.Add(1, 2)
	finished(t, err)
	if err != nil || sum != 3 {
		t.Fatalf("1 + 2 is %d, %v; see 01-fake/README.md#adding", sum, err)
	}
}

func TestOverflowIsAnError(t *testing.T) {
	t.Parallel()
	_, err := add.Add(100, 100)
	finished(t, err)
	if err == nil {
		t.Fatal("100 + 100: no error" + lab.Mark)
	}
}

func finished(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "not done yet") {
		t.Fatal("not done yet  add.go:7 TODO(ID)")
	}
}
`
	fakeHints = `# Hints

<details><summary>1 Nudge: what is a sum?</summary>

See [the lesson](../README.md#adding).

</details>

<details><summary>2 Shape</summary>

    add, compare, return

</details>
`
	fakeEntry = `  - id: ID
    dir: N-add
    file: add.go
    title: add
    minutes: 10
    needs: []
    rows: [1]
    mistakes:
      - name: overflow
        claim: TestOverflowIsAnError
        hint: 2
      - name: minus
        claim: TestSum
        hint: 1
`
)

// newFake makes a good course with that many equal exercises.
func newFake(t *testing.T, exercises int) *fake {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	f := &fake{t, root}
	f.put("go.work", "go 1.25.0\n\nuse (\n\t./01-fake\n\t./solutions\n\t./workshop\n)\n")
	f.put("workshop/go.mod", "module warren.example/workshop\n\ngo 1.25.0\n")
	f.put("workshop/todo/todo.go", "package todo\n\nimport \"errors\"\n\nfunc New(id string) error { return errors.New(id + \": not done yet\") }\n")
	f.put("workshop/lab/lab.go", "package lab\n\nconst Mark = \"!\"\n")
	const replace = "require warren.example/workshop v0.0.0\n\nreplace warren.example/workshop => ../workshop\n"
	f.put("01-fake/go.mod", "module warren.example/01-fake\n\ngo 1.25.0\n\n"+replace)
	f.put("solutions/go.mod", "module warren.example/solutions\n\ngo 1.25.0\n\nignore (\n\tmistakes\n\tskeleton\n)\n\n"+replace)

	lesson := "# Fake\n\n## Adding\n\n"
	catalogue := "id: \"01\"\ntitle: Fake\nminutes: 5\nrows: [1]\nexercises:\n"
	for n := 1; n <= exercises; n++ {
		for _, file := range []struct{ name, content string }{
			{"01-fake/N-add/add.go", fakeSkeleton},
			{"01-fake/N-add/todo.go", "package add\n\nimport \"warren.example/workshop/todo\"\n\nvar notDone = todo.New(\"ID\")\n"},
			{"01-fake/N-add/add_test.go", fakeTest},
			{"01-fake/N-add/HINTS.md", fakeHints},
			{"solutions/01-fake/N-add/add.go", fakeSolution},
			{"solutions/01-fake/N-add/skeleton/add.go", fakeSkeleton},
			{"solutions/01-fake/N-add/mistakes/overflow/add.go", fakeOverflow},
			{"solutions/01-fake/N-add/mistakes/minus/add.go", fakeMinus},
		} {
			f.put(numbered(file.name, n), numbered(file.content, n))
		}
		lesson += numbered("Now do [ID](N-add/add.go).\n", n)
		catalogue += numbered(fakeEntry, n)
	}
	f.put("01-fake/README.md", lesson)
	f.put("01-fake/chapter.yaml", catalogue)
	return f
}

func numbered(s string, n int) string {
	return strings.NewReplacer("ID", fmt.Sprintf("01/%d", n), "N-add", fmt.Sprintf("%d-add", n)).Replace(s)
}

// path returns a file's place on the disk.
func (f *fake) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f *fake) put(name, content string) {
	f.t.Helper()
	require.NoError(f.t, os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	require.NoError(f.t, os.WriteFile(f.path(name), []byte(content), 0o644))
}

func (f *fake) read(name string) string {
	f.t.Helper()
	content, err := os.ReadFile(f.path(name))
	require.NoError(f.t, err)
	return string(content)
}

// edit replaces a part of a file; the part must be there.
func (f *fake) edit(name, old, new string) {
	f.t.Helper()
	content := f.read(name)
	require.True(f.t, bytes.Contains([]byte(content), []byte(old)), "%s has no %q", name, old)
	f.put(name, strings.ReplaceAll(content, old, new))
}

func (f *fake) remove(name string) {
	f.t.Helper()
	require.NoError(f.t, os.RemoveAll(f.path(name)))
}

func (f *fake) course() *course.Course {
	f.t.Helper()
	c, err := course.Load(f.root)
	require.NoError(f.t, err)
	c.Scratch = f.path(".workshop")
	return c
}

// verify verifies one exercise, or all.
func (f *fake) verify(o course.VerifyOptions) *course.Report {
	f.t.Helper()
	r := course.Runner{Broker: course.Broker{Name: "B", Version: "4.0.5"}}
	report, err := f.course().Verify(f.t.Context(), r, o)
	require.NoError(f.t, err)
	return report
}

// row returns the row of a variant: "01/1 solution", "01/1 overflow".
func row(t *testing.T, r *course.Report, name string) course.Row {
	t.Helper()
	for _, row := range r.Rows {
		what := string(row.Kind)
		if row.Kind == course.Wrong {
			what = row.Mistake
		}
		if row.Exercise+" "+what == name {
			return row
		}
	}
	require.Fail(t, "no row "+name, "%v", r.Rows)
	return course.Row{}
}

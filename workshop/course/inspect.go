package course

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Inspect proves without running anything that catalogue and tree agree: files, mistakes and their tests, hints, contracts,
// links. With upstream it also demands what a learner's tree need not keep: that the skeletons in the chapters are the
// pristine ones, and that exercises have no files of the learner's.
func (c *Course) Inspect(upstream bool) []Problem {
	i := &inspection{root: c.Root, upstream: upstream}
	i.strays(c)
	i.exercises(c, c.Exercises())
	return i.problems
}

// exercises inspects exercises, and the lessons of those chapters that are inspected whole.
func (i *inspection) exercises(c *Course, selected []Exercise) {
	count := map[string]int{}
	for _, e := range selected {
		count[e.Chapter]++
		i.exercise(e)
	}
	for _, chapter := range c.Chapters {
		if count[chapter.Dir] == len(chapter.Exercises) {
			i.lesson(chapter)
		}
	}
}

// An inspection collects problems. Its methods go on after a problem where more can be found.
type inspection struct {
	root     string
	upstream bool
	problems []Problem
}

func (i *inspection) add(file string, line int, format string, args ...any) {
	if below, err := filepath.Rel(i.root, file); err == nil && filepath.IsAbs(file) {
		file = below
	}
	i.problems = append(i.problems, Problem{File: filepath.ToSlash(file), Line: line, Text: fmt.Sprintf(format, args...)})
}

// read returns the content of a file of the course, or adds a problem that says what the file is for.
func (i *inspection) read(file, purpose string) ([]byte, bool) {
	content, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.add(file, 0, "missing: write %s", purpose)
	case err != nil:
		i.add(file, 0, "%v", err)
	}
	return content, err == nil
}

// strays finds folders that look like part of the course but are in no catalogue.
func (i *inspection) strays(c *Course) {
	for _, dir := range folders(c.Root) {
		if _, known := c.Chapter(dir); chapterDir.MatchString(dir) && !known {
			i.add(dir, 0, "a chapter without %s: write one", CatalogueFile)
		}
	}
	for _, chapter := range c.Chapters {
		var known []string
		for _, e := range chapter.Exercises {
			known = append(known, e.Dir)
		}
		for _, below := range []string{chapter.Dir, path.Join("solutions", chapter.Dir)} {
			for _, dir := range folders(filepath.Join(c.Root, below)) {
				if exerciseDir.MatchString(dir) && !slices.Contains(known, dir) {
					i.add(path.Join(below, dir), 0, "not in %s/%s: add it there, or delete the folder", chapter.Dir, CatalogueFile)
				}
			}
		}
	}
}

func (i *inspection) exercise(e Exercise) {
	tests := i.tests(e)
	i.given(e)
	i.todo(e)
	rungs := i.hints(e)
	skeleton, ok := i.read(e.SkeletonFile(), "the pristine skeleton, a copy of the exercise's "+e.File)
	if ok {
		i.skeleton(e, skeleton)
	}
	i.solution(e, skeleton)
	i.mistakes(e, skeleton, tests, rungs)
}

// tests returns the names of the exercise's tests.
func (i *inspection) tests(e Exercise) []string {
	files, err := filepath.Glob(filepath.Join(escapeGlob(e.Folder()), "*_test.go"))
	if err != nil || len(files) == 0 {
		i.add(e.Folder(), 0, "no test: write %s", strings.TrimSuffix(e.File, ".go")+"_test.go")
		return nil
	}
	var names []string
	for _, file := range files {
		source, ok := i.read(file, "")
		if !ok {
			continue
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, source, parser.SkipObjectResolution)
		if err != nil {
			i.add(file, 0, "%v", err)
			continue
		}
		if !strings.HasSuffix(parsed.Name.Name, "_test") {
			i.add(file, positions.Position(parsed.Name.Pos()).Line,
				"tests judge from outside: the package must be %s_test", parsed.Name.Name)
		}
		for _, decl := range parsed.Decls {
			if f, isFunc := decl.(*ast.FuncDecl); isFunc && f.Recv == nil && claimName.MatchString(f.Name.Name) && f.Name.Name != "TestMain" {
				names = append(names, f.Name.Name)
			}
		}
		i.references(file, source)
	}
	if len(names) == 0 {
		i.add(e.Folder(), 0, "no test in its test files: write func TestSomeClaim(t *testing.T)")
	}
	return names
}

// given checks that the learner has one file only.
func (i *inspection) given(e Exercise) {
	if _, ok := i.read(e.LearnerFile(), "the learner's file; `go run ./workshop reset "+e.ID+"` brings the skeleton back"); !ok || !i.upstream {
		return
	}
	for _, extra := range e.extraFiles() {
		i.add(filepath.Join(e.Folder(), extra), 0,
			"an exercise has one file for the learner, %s; what is given belongs into a package of its own", e.File)
	}
}

var todoCall = regexp.MustCompile(`todo\.New\("([^"]*)"\)`)

func (i *inspection) todo(e Exercise) {
	file := filepath.Join(e.Folder(), "todo.go")
	content, ok := i.read(file, fmt.Sprintf("var notDone = todo.New(%q)", e.ID))
	if !ok {
		return
	}
	m := todoCall.FindSubmatchIndex(content)
	if m == nil || string(content[m[2]:m[3]]) != e.ID {
		i.add(file, 0, "it must say which exercise is not done: var notDone = todo.New(%q)", e.ID)
	}
}

// hints returns the number of rungs.
func (i *inspection) hints(e Exercise) int {
	content, ok := i.read(e.HintsFile(), "the ladder of hints: <details><summary>1 Nudge: …</summary> … </details>")
	if !ok {
		return 0
	}
	rungs, err := e.Hints()
	if err != nil {
		i.add(e.HintsFile(), 0, "%v", err)
	}
	i.links(e.HintsFile(), content)
	return len(rungs)
}

func (i *inspection) skeleton(e Exercise, skeleton []byte) {
	mark := "TODO(" + e.ID + ")"
	if !bytes.Contains(skeleton, []byte("// "+mark)) {
		i.add(e.SkeletonFile(), 0, "mark the work with // %s: …", mark)
	}
	if !i.upstream {
		return
	}
	inTree, err := os.ReadFile(e.LearnerFile())
	if err == nil && !bytes.Equal(inTree, skeleton) {
		i.add(e.LearnerFile(), 0, "differs from the pristine skeleton %s: copy one over the other", i.below(e.SkeletonFile()))
	}
}

func (i *inspection) solution(e Exercise, skeleton []byte) {
	solution, ok := i.read(e.SolutionFile(), "the solution")
	if !ok {
		return
	}
	if bytes.Contains(solution, []byte("TODO("+e.ID+")")) {
		i.add(e.SolutionFile(), 0, "a solution has nothing to do: remove TODO(%s)", e.ID)
	}
	i.compare(e.SolutionFile(), solution, skeleton, true)
}

// compare proves that a file keeps the skeleton's contract.
func (i *inspection) compare(file string, content, skeleton []byte, docs bool) {
	if skeleton == nil {
		return
	}
	given, err := readContract("skeleton", skeleton)
	if err != nil {
		return // the skeleton doesn't parse; its row in the table says so
	}
	kept, err := readContract(i.below(file), content)
	if err != nil {
		i.add(file, 0, "%v", err)
		return
	}
	for _, difference := range given.differences(kept, docs) {
		i.add(file, 0, "%s", difference)
	}
}

func (i *inspection) mistakes(e Exercise, skeleton []byte, tests []string, rungs int) {
	catalogue := e.Chapter + "/" + CatalogueFile
	if len(e.Mistakes) < 2 {
		i.add(catalogue, e.line, "%s has %d mistakes: an exercise needs two at least, or its tests are not proved", e.ID, len(e.Mistakes))
	}
	var known []string
	for _, m := range e.Mistakes {
		known = append(known, m.Name)
		if m.Hint > rungs && rungs > 0 {
			i.add(catalogue, m.line, "%s has no rung %d: HINTS.md has %d", e.ID, m.Hint, rungs)
		}
		if len(tests) > 0 && !slices.Contains(tests, m.Claim) {
			i.add(catalogue, m.line, "there is no test %s; there are %s", m.Claim, strings.Join(tests, " "))
		}
		i.mistake(e, m, skeleton, tests)
	}
	for _, dir := range folders(filepath.Dir(filepath.Dir(e.MistakeFile("x")))) {
		if !slices.Contains(known, dir) {
			i.add(filepath.Dir(e.MistakeFile(dir)), 0, "not in %s: add it there, or delete the folder", catalogue)
		}
	}
}

func (i *inspection) mistake(e Exercise, m Mistake, skeleton []byte, tests []string) {
	file := e.MistakeFile(m.Name)
	content, ok := i.read(file, "the mistake: a complete, plausible, wrong solution")
	if !ok {
		return
	}
	wants, problems, err := ReadWants(i.below(file), content)
	if err != nil {
		i.add(file, 0, "%v", err)
		return
	}
	i.problems = append(i.problems, problems...)
	for n, want := range wants.Claims {
		if n == 0 && want.Test != m.Claim {
			i.add(file, want.line, "it wants %s, but %s/%s says claim: %s", want.Test, e.Chapter, CatalogueFile, m.Claim)
		}
		if len(tests) > 0 && !slices.Contains(tests, want.Test) {
			i.add(file, want.line, "there is no test %s; there are %s", want.Test, strings.Join(tests, " "))
		}
	}
	if bytes.Contains(content, []byte("TODO("+e.ID+")")) {
		i.add(file, 0, "a mistake is complete: remove TODO(%s)", e.ID)
	}
	i.compare(file, content, skeleton, false)
}

func (i *inspection) below(file string) string {
	if below, err := filepath.Rel(i.root, file); err == nil {
		return filepath.ToSlash(below)
	}
	return file
}

// extraFiles returns the names of Go files in the exercise's folder that are neither the learner's file, nor todo.go,
// nor tests.
func (e Exercise) extraFiles() []string {
	var extra []string
	entries, _ := os.ReadDir(e.Folder()) // a missing folder is somebody else's problem
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != e.File && name != "todo.go" {
			extra = append(extra, name)
		}
	}
	return extra
}

// folders returns the names of the folders in a folder.
func folders(dir string) []string {
	entries, _ := os.ReadDir(dir) // nothing there, nothing found
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

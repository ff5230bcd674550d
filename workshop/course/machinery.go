package course

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"warren.example/workshop/course/gotest"
)

// machineryModule is the folder of the machinery's module.
const machineryModule = "workshop"

// machinery runs the tests that judge no learner: those of the machinery, and of the chapters' packages that are no
// exercises, such as demos. It also compiles what has no tests, the solutions among it.
func (p *proof) machinery(ctx context.Context, b Broker, order int) error {
	if err := p.module(ctx, b, machineryModule, nil, &order); err != nil {
		return err
	}
	modules, err := gotest.Modules(ctx, p.course.Root)
	if err != nil {
		return err
	}
	for _, chapter := range p.course.Chapters {
		var exercises []string // also those that are in no catalogue: Inspect names them
		for _, dir := range folders(filepath.Join(p.course.Root, chapter.Dir)) {
			if exerciseDir.MatchString(dir) {
				exercises = append(exercises, filepath.Join(p.course.Root, chapter.Dir, dir))
			}
		}
		if err := p.module(ctx, b, chapter.Dir, exercises, &order); err != nil {
			return err
		}
		for _, module := range modules { // a demo with heavy dependencies is a module of its own inside the chapter
			if !strings.HasPrefix(module, chapter.Dir+"/") {
				continue
			}
			if err := p.module(ctx, b, module, nil, &order); err != nil {
				return err
			}
		}
	}
	return p.module(ctx, b, "solutions", nil, &order)
}

// module tests one module, packages in the left-out folders excepted. A row is made per package with tests, and one for
// the compiling and vetting of all.
func (p *proof) module(ctx context.Context, b Broker, module string, without []string, order *int) error {
	dir := filepath.Join(p.course.Root, module)
	packages, err := gotest.List(ctx, dir)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.done(Row{Package: module + "/...", order: *order}.failed(err.Error()))
		*order++
		return nil
	}
	packages = slices.DeleteFunc(packages, func(pkg gotest.Listed) bool { return slices.Contains(without, pkg.Dir) })
	if len(packages) == 0 {
		return nil
	}
	var paths []string
	tested := map[string]bool{}
	for _, pkg := range packages {
		paths = append(paths, pkg.Path)
		tested[pkg.Path] = pkg.Tested
	}
	vet := Row{Package: module + "/... (go vet)", Status: Passed, Passed: 1, order: *order}
	*order++
	var broken *gotest.Broken
	switch err := gotest.VetAll(ctx, dir, paths); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &broken):
		vet.Passed = 0
		vet = vet.failed(firstLines(broken.Output, 8))
	case err != nil:
		return err
	}
	p.done(vet)
	paths = slices.DeleteFunc(paths, func(path string) bool { return !tested[path] })
	if len(paths) == 0 {
		return nil
	}
	return gotest.TestAll(ctx, dir, b.Env, paths, func(s gotest.Summary) {
		row := packageRow(s)
		row.Broker, row.order = b.Name, *order
		*order++
		p.done(row)
	})
}

// packageRow counts a package's tests one by one. A package that failed without a failed test counts as one failure.
func packageRow(s gotest.Summary) Row {
	row := Row{Package: s.Package, Status: Passed, Seconds: s.Seconds}
	var skips []string
	for _, t := range s.Tests {
		switch t.Outcome {
		case gotest.Pass:
			row.Passed++
		case gotest.Skip:
			row.Skipped++
			skips = append(skips, t.Name+": "+t.Needs)
		default:
			row.Failed++
			row.Why = append(row.Why, fmt.Sprintf("%s: %s", t.Name, indentMore(t.Text)))
		}
	}
	if s.Failed && row.Failed == 0 {
		row.Failed = 1
		row.Why = append(row.Why, firstLines(s.Output, 12))
	}
	row.Why = append(row.Why, skips...)
	switch {
	case row.Failed > 0:
		row.Status = Failed
	case row.Passed == 0:
		row.Status = Skipped
	}
	return row
}

// indentMore keeps the lines of a machinery test's failure, since whoever sees it must mend it.
func indentMore(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > 40 {
		lines = append(lines[:40], "…")
	}
	return strings.Join(lines, "\n        ")
}

package gotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"
)

// Listed is a package of a module.
type Listed struct {
	Path   string // import path
	Dir    string
	Tested bool // it has tests
}

// List returns the packages of the module in a folder.
func List(ctx context.Context, dir string) ([]Listed, error) {
	cmd, f := command(ctx, dir, nil, "go", "list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles", "./...")
	var out, bad strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := run(cmd, f); err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", dir, err, strings.TrimSpace(bad.String()))
	}
	var packages []Listed
	for decoder := json.NewDecoder(strings.NewReader(out.String())); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", dir, err)
		}
		packages = append(packages, Listed{Path: p.ImportPath, Dir: p.Dir, Tested: len(p.TestGoFiles)+len(p.XTestGoFiles) > 0})
	}
}

// Modules returns the folders of the modules that the workspace of a folder uses, as go.work writes them but without "./".
func Modules(ctx context.Context, dir string) ([]string, error) {
	cmd, f := command(ctx, dir, nil, "go", "work", "edit", "-json")
	var out, bad strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := run(cmd, f); err != nil {
		return nil, fmt.Errorf("go work edit in %s: %w\n%s", dir, err, strings.TrimSpace(bad.String()))
	}
	var work struct{ Use []struct{ DiskPath string } }
	if err := json.Unmarshal([]byte(out.String()), &work); err != nil {
		return nil, fmt.Errorf("go.work in %s: %w", dir, err)
	}
	var modules []string
	for _, use := range work.Use {
		modules = append(modules, path.Clean(use.DiskPath))
	}
	return modules, nil
}

// VetAll compiles and vets packages of the module in a folder. The error is a *Broken when vet or the compiler objects.
func VetAll(ctx context.Context, dir string, packages []string) error {
	folder, err := newFolder("workshop-vet-")
	if err != nil {
		return fmt.Errorf("vet %s: %w", dir, err)
	}
	defer removeFolder(folder)
	said, err := goCommand(ctx, dir, inFolder(folder, nil), append([]string{"vet"}, packages...)...)
	if err != nil {
		return broken(err, VetFailed, said)
	}
	return nil
}

// A Summary is what one package's own tests said.
type Summary struct {
	Package string
	Failed  bool
	Tests   []Test
	Output  string // what belongs to no test: a compiler's message, a panic
	Seconds float64
}

// TestAll runs the tests of packages of the module in a folder with `go test`, and calls each for every package when it
// has ended. Failed tests are no error. Results of earlier runs are never used: they may be about another broker.
func TestAll(ctx context.Context, dir string, env, packages []string, each func(Summary)) error {
	folder, err := newFolder("workshop-test-")
	if err != nil {
		return fmt.Errorf("go test in %s: %w", dir, err)
	}
	defer removeFolder(folder)
	args := append([]string{"test", "-json", "-count=1", "-timeout=20m"}, packages...)
	cmd, f := command(ctx, dir, inFolder(folder, env), "go", args...)
	var bad text
	cmd.Stderr = &bad
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := start(cmd, f); err != nil {
		return fmt.Errorf("go test in %s: %w", dir, err)
	}
	defer f.end()
	r := reader{folds: map[string]*Fold{}, builds: map[string]*text{}, each: each}
	readErr := Read(events, r.add)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("go test in %s: %w", dir, context.Cause(ctx))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("go test in %s: %w", dir, err)
	}
	if readErr != nil {
		return fmt.Errorf("go test in %s: %w", dir, readErr)
	}
	if r.ended == 0 {
		return fmt.Errorf("go test in %s ran nothing: %s", dir, strings.TrimSpace(joinLines(bad.b.String(), r.stray.b.String())))
	}
	return nil
}

// A reader sorts the events of several packages.
type reader struct {
	folds  map[string]*Fold
	builds map[string]*text // what the compiler said, by the build that failed
	stray  text
	ended  int
	each   func(Summary)
}

func (r *reader) add(e Event) {
	if e.Action == "build-output" {
		if r.builds[e.ImportPath] == nil {
			r.builds[e.ImportPath] = &text{}
		}
		r.builds[e.ImportPath].add(e.Output)
		return
	}
	if e.Package == "" {
		r.stray.add(e.Output)
		return
	}
	fold := r.folds[e.Package]
	if fold == nil {
		fold = &Fold{}
		r.folds[e.Package] = fold
	}
	fold.Add(e)
	if e.Test != "" || (e.Action != "pass" && e.Action != "fail" && e.Action != "skip") {
		return
	}
	s := Summary{Package: e.Package, Failed: e.Action == "fail", Tests: fold.Tests(), Output: fold.Output(), Seconds: e.Elapsed}
	if said := r.builds[e.FailedBuild]; said != nil {
		s.Output = joinLines("does not build:", said.b.String(), s.Output)
	}
	if crash := fold.crash.b.String(); crash != "" {
		s.Output = joinLines(s.Output, crash)
	}
	delete(r.folds, e.Package)
	r.ended++
	r.each(s)
}

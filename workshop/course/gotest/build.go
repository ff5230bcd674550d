package gotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Package is one Go package to be tested.
type Package struct {
	// Dir is its folder: absolute and free of symbolic links, or Build refuses.
	Dir string
	// Replace swaps files of the package: the name of a file in Dir → the file that takes its place, "" to hide it.
	Replace map[string]string
	// Env is added to the environment of go and of the tests.
	Env []string
	// Race compiles with the race detector.
	Race bool
}

// A Broken is what go says of a package that does not compile or that vet objects to.
type Broken struct {
	End    End // BuildFailed or VetFailed
	Output string
}

// Error implements the error interface.
func (b *Broken) Error() string { return string(b.End) + ":\n" + b.Output }

// A Binary is a compiled test of a package. Close removes it.
type Binary struct {
	pkg   Package
	dir   string   // temporary folder
	file  string   // in dir; "" when the package has no tests
	tests []string // in the order of the package
	early *Result  // the binary failed when it was asked for its tests: every run ends this way
}

// ErrOverlay says that go did not take the swapped file. A verdict on such a binary would be about the wrong file.
var ErrOverlay = errors.New("the swapped file did not take effect")

// Build compiles the package's tests. The error is a *Broken when the code is at fault, and wraps ErrOverlay when a swap
// was wanted but go ignored it.
func (p Package) Build(ctx context.Context) (*Binary, error) {
	if err := p.refuse(ctx); err != nil {
		return nil, err
	}
	dir, err := newFolder("workshop-test-")
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Dir, err)
	}
	b := &Binary{pkg: p, dir: dir}
	if err := b.build(ctx); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Binary) build(ctx context.Context) error {
	swap, err := writeOverlay(b.pkg, b.dir)
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "exercise.test")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	// No vet: Vet does more, and tells what it finds from what doesn't compile. No debugging information: linking takes
	// the most time, and a third less without.
	args := []string{"test", "-c", "-vet=off", "-ldflags=-w", "-o", file}
	if b.pkg.Race {
		args = append(args, "-race")
	}
	said, err := goCommand(ctx, b.pkg.Dir, inFolder(b.dir, b.pkg.Env), swap.flags(args)...)
	if err != nil {
		return broken(err, BuildFailed, said)
	}
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) { // "[no test files]"
		return nil
	}
	b.file = file
	listed, err := b.list(ctx)
	if err != nil || b.early != nil {
		return err
	}
	b.tests, err = swap.proved(listed)
	return err
}

// Close removes the binary.
func (b *Binary) Close() error { return removeFolder(b.dir) }

// Tests returns the names of the package's tests, in its order.
func (b *Binary) Tests() []string { return b.tests }

// Vet runs go vet over the package and its tests. The error is a *Broken when vet objects.
func (p Package) Vet(ctx context.Context) error {
	if err := p.refuse(ctx); err != nil {
		return err
	}
	dir, err := newFolder("workshop-vet-")
	if err != nil {
		return fmt.Errorf("vet %s: %w", p.Dir, err)
	}
	defer removeFolder(dir)
	swap, err := writeOverlay(p, dir)
	if err != nil {
		return err
	}
	said, err := goCommand(ctx, p.Dir, inFolder(dir, p.Env), swap.flags([]string{"vet"})...)
	if err != nil {
		return broken(err, VetFailed, said)
	}
	return nil
}

// refuse keeps away from what makes go ignore an overlay without a word: symbolic links and -cover.
func (p Package) refuse(ctx context.Context) error {
	resolved, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return fmt.Errorf("test %s: %w", p.Dir, err)
	}
	if resolved != filepath.Clean(p.Dir) || !filepath.IsAbs(p.Dir) {
		return fmt.Errorf("test %s: %w: the folder is really %s, use that name", p.Dir, ErrOverlay, resolved)
	}
	said, err := goCommand(ctx, p.Dir, p.Env, "env", "GOFLAGS")
	if err != nil {
		return fmt.Errorf("go env GOFLAGS: %w: %s", err, said)
	}
	for _, flag := range strings.Fields(said) {
		if strings.HasPrefix(strings.TrimLeft(flag, "-"), "cover") {
			return fmt.Errorf("GOFLAGS has %s: %w: with coverage go ignores overlays (golang/go#73802); unset it", flag, ErrOverlay)
		}
	}
	return nil
}

// broken tells code that is at fault from a go command that couldn't be run or was interrupted.
func broken(err error, end End, said string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	return &Broken{End: end, Output: strings.TrimRight(said, "\n")}
}

package gotest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// A Toolchain is what `go env` says of this machine's Go, as far as a verdict depends on it.
type Toolchain struct {
	Version  string // "go1.26.1"
	Settings string // platform, flags, experiments, C compiler: one line each
	noRace   string
}

// Probe asks the go command about itself in a folder, which may ask for another version of Go.
func Probe(ctx context.Context, dir string) (Toolchain, error) {
	said, err := goCommand(ctx, dir, nil, "env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED", "CC", "GOFLAGS", "GOEXPERIMENT")
	if err != nil {
		return Toolchain{}, fmt.Errorf("ask go about itself: %w\n%s", err, said)
	}
	v := append(strings.Split(strings.TrimRight(said, "\n"), "\n"), make([]string, 7)...)
	return Toolchain{Version: v[0], Settings: said, noRace: noRace(v[1], v[2], v[3] == "1", v[4])}, nil
}

// Race reports whether -race works. If not, why says what is missing, as part of a sentence, and what helps.
func (t Toolchain) Race() (ok bool, why string) { return t.noRace == "", t.noRace }

// noRace follows cmd/go/internal/work and internal/platform: the detector's library needs cgo except on macOS.
func noRace(goos, goarch string, cgo bool, compiler string) string {
	supported := map[string][]string{
		"linux":   {"amd64", "arm64", "ppc64le", "s390x", "loong64", "riscv64"},
		"darwin":  {"amd64", "arm64"},
		"windows": {"amd64"},
		"freebsd": {"amd64"},
		"netbsd":  {"amd64"},
	}
	found := false
	for _, arch := range supported[goos] {
		found = found || arch == goarch
	}
	switch {
	case !found:
		return fmt.Sprintf("the race detector does not know %s/%s", goos, goarch)
	case goos == "darwin":
		return ""
	case !cgo:
		return "no C compiler, or CGO_ENABLED=0 (Debian: apt-get install gcc)"
	}
	name := strings.Fields(compiler + " cc")[0]
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Sprintf("no C compiler, that is no %s (Debian: apt-get install gcc)", name)
	}
	return ""
}

package gotest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// proofFile is a file that exists in overlays only. See overlay.proof.
const proofFile = "zz_workshop_overlay_test.go"

// An overlay tells go to read some files of a package from somewhere else. See `go help build`, -overlay.
type overlay struct {
	file string // the JSON; "" when nothing is swapped
	// proof is the name of a benchmark that the overlay adds to the package's tests. Only a binary that was built with
	// this overlay can list it, so its absence tells that go ignored the overlay. Tests never run benchmarks.
	proof string
}

// writeOverlay writes the overlay of a package into a folder. Keys begin with p.Dir, which is where go is started: go
// compares them letter by letter.
func writeOverlay(p Package, dir string) (overlay, error) {
	if len(p.Replace) == 0 {
		return overlay{}, nil
	}
	o := overlay{file: filepath.Join(dir, "overlay.json")}
	replace := map[string]string{}
	hash := sha256.New()
	for _, name := range sortedKeys(p.Replace) {
		with := p.Replace[name]
		replace[filepath.Join(p.Dir, name)] = with
		fmt.Fprintf(hash, "%s\x00", name)
		if with == "" {
			continue
		}
		content, err := os.ReadFile(with)
		if err != nil {
			return overlay{}, fmt.Errorf("swap %s: %w", name, err)
		}
		hash.Write(content)
		// A file without a package clause is left to the compiler, which names it and the line.
		parsed, err := parser.ParseFile(token.NewFileSet(), name, content, parser.PackageClauseOnly)
		if err != nil {
			continue
		}
		o.proof = parsed.Name.Name
	}
	if o.proof != "" {
		backing := filepath.Join(dir, proofFile)
		pkg := o.proof
		o.proof = "BenchmarkOverlay" + hex.EncodeToString(hash.Sum(nil))[:16]
		source := fmt.Sprintf("package %s_test\n\nimport \"testing\"\n\nfunc %s(*testing.B) {}\n", pkg, o.proof)
		if err := os.WriteFile(backing, []byte(source), 0o600); err != nil {
			return overlay{}, fmt.Errorf("write overlay: %w", err)
		}
		replace[filepath.Join(p.Dir, proofFile)] = backing
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return overlay{}, fmt.Errorf("write overlay: %w", err)
	}
	if err := os.WriteFile(o.file, content, 0o600); err != nil {
		return overlay{}, fmt.Errorf("write overlay: %w", err)
	}
	return o, nil
}

// flags adds the overlay and the package, always the current folder, to the arguments of a go command.
func (o overlay) flags(args []string) []string {
	if o.file != "" {
		args = append(args, "-overlay="+o.file)
	}
	return append(args, ".")
}

// proved splits the names that a test binary lists: the tests are returned, the proof must be among the others.
func (o overlay) proved(listed []string) (tests []string, err error) {
	found := false
	for _, name := range listed {
		switch {
		case name == o.proof:
			found = true
		case !strings.HasPrefix(name, "Benchmark"):
			tests = append(tests, name)
		}
	}
	if o.file != "" && !found {
		return nil, fmt.Errorf("%w: go built the package from the files on disk", ErrOverlay)
	}
	return tests, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

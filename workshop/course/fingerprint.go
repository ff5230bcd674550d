package course

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"warren.example/workshop/course/gotest"
)

// judgeVersion is part of every fingerprint. Count it up when variants are judged differently, so that no verdict of
// before is kept.
const judgeVersion = 1

// fingerprints hash what verdicts depend on: files of the exercise, every package of the workspace that they import, go.mod
// and go.sum of their modules, the Go version. It is not safe for several goroutines.
type fingerprints struct {
	root    string
	tools   gotest.Toolchain
	modules map[string]string // module path → folder
	memo    map[string]string // folder of a package → hash of its own files
	imports map[string][]string
}

func newFingerprints(root string, tools gotest.Toolchain) (*fingerprints, error) {
	f := &fingerprints{
		root: root, tools: tools,
		modules: map[string]string{}, memo: map[string]string{}, imports: map[string][]string{},
	}
	work, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	for _, m := range usedFolder.FindAllStringSubmatch(string(work), -1) {
		dir := filepath.Join(root, filepath.FromSlash(m[1]))
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil {
			return nil, fmt.Errorf("fingerprint: %w", err)
		}
		if name := modulePath.FindStringSubmatch(string(mod)); name != nil {
			f.modules[name[1]] = dir
		}
	}
	return f, nil
}

var (
	usedFolder = regexp.MustCompile(`(?m)^\s*(?:use\s+)?"?(\.\.?/[^"\s)]*|\.)"?\s*(?://.*)?$`)
	modulePath = regexp.MustCompile(`(?m)^module\s+"?([^"\s]+)"?`)
)

// of returns the fingerprint of a variant judged with these options.
func (f *fingerprints) of(v Variant, o Options) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d\n%s\n%s\nrace %t count %d run %q\n", judgeVersion, f.tools.Version, f.tools.Settings, o.Race, o.Count, o.Run)
	hidden := v.replace()
	var imports []string
	entries, err := os.ReadDir(v.Exercise.Folder())
	if err != nil {
		return "", fmt.Errorf("fingerprint %s: %w", v, err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if _, swapped := hidden[name]; swapped || !entry.Type().IsRegular() || strings.HasSuffix(name, ".md") {
			continue
		}
		more, err := hashFile(sum, filepath.Join(v.Exercise.Folder(), name))
		if err != nil {
			return "", fmt.Errorf("fingerprint %s: %w", v, err)
		}
		imports = append(imports, more...)
	}
	more, err := hashFile(sum, v.File())
	if err != nil {
		return "", fmt.Errorf("fingerprint %s: %w", v, err)
	}
	if err := hashTree(sum, filepath.Join(v.Exercise.Folder(), "testdata")); err != nil {
		return "", fmt.Errorf("fingerprint %s: %w", v, err)
	}
	if err := f.packages(sum, v.Exercise.Folder(), append(imports, more...)); err != nil {
		return "", fmt.Errorf("fingerprint %s: %w", v, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// packages hashes all packages of the workspace that are imported, directly or not, and their modules.
func (f *fingerprints) packages(sum hash.Hash, exercise string, imports []string) error {
	dirs := map[string]bool{}
	modules := map[string]bool{f.module(exercise): true}
	for queue := imports; len(queue) > 0; {
		dir, module, ours := f.find(queue[0])
		queue = queue[1:]
		if !ours || dirs[dir] || dir == exercise {
			continue
		}
		dirs[dir], modules[module] = true, true
		if _, known := f.memo[dir]; !known {
			if err := f.read(dir); err != nil {
				return err
			}
		}
		queue = append(queue, f.imports[dir]...)
	}
	for _, dir := range sortedNames(dirs) {
		fmt.Fprintf(sum, "%s %s\n", dir[len(f.root):], f.memo[dir])
	}
	files := []string{filepath.Join(f.root, "go.work")}
	for _, dir := range sortedNames(modules) {
		files = append(files, filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum"))
	}
	for _, file := range files {
		if _, err := hashFile(sum, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// read hashes the files of a package, tests left out, and remembers what they import.
func (f *fingerprints) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	sum := sha256.New()
	var imports []string
	for _, entry := range entries {
		if !entry.Type().IsRegular() || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		more, err := hashFile(sum, filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		imports = append(imports, more...)
	}
	slices.Sort(imports)
	f.memo[dir], f.imports[dir] = hex.EncodeToString(sum.Sum(nil)), slices.Compact(imports)
	return nil
}

// find returns the folder of a package and of its module, if it is in the workspace.
func (f *fingerprints) find(path string) (dir, module string, ours bool) {
	for name, folder := range f.modules {
		if path != name && !strings.HasPrefix(path, name+"/") {
			continue
		}
		if len(folder) > len(module) { // the innermost module
			dir, module = filepath.Join(folder, filepath.FromSlash(strings.TrimPrefix(path, name))), folder
		}
	}
	return dir, module, dir != ""
}

// module returns the folder of the module that a folder belongs to.
func (f *fingerprints) module(dir string) string {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// hashFile adds a file's name and content, and returns what it imports when it is Go.
func hashFile(sum hash.Hash, file string) (imports []string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(sum, "%s %d\n", filepath.Base(file), len(content))
	sum.Write(content)
	if filepath.Ext(file) != ".go" {
		return nil, nil
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ImportsOnly)
	if err != nil {
		return nil, nil // it will not compile, and red verdicts are not kept
	}
	for _, spec := range parsed.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			imports = append(imports, path)
		}
	}
	return imports, nil
}

// hashTree adds all files of a folder, if there is one.
func hashTree(sum hash.Hash, dir string) error {
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		fmt.Fprintf(sum, "%s\n", file[len(dir):])
		_, err = hashFile(sum, file)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

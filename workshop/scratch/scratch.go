// Package scratch finds the root of the project and the folder in it where the workshop keeps its own things: nodes,
// verdicts, backups, progress. It does not know what lies there, and it deletes nothing.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	// EnvRoot names the environment variable that overrides Root.
	EnvRoot = "WORKSHOP_ROOT"
	// EnvDir names the environment variable that overrides Dir; tests use it.
	EnvDir = "WORKSHOP_SCRATCH"
)

// ErrOutside is returned by Root when the working directory is not inside the project.
var ErrOutside = errors.New("not inside the workshop: go to its folder (the one with go.work), or set " + EnvRoot)

// Root returns the project's root: the nearest folder at or above the working directory that has a go.work file and a
// workshop folder. Symbolic links are resolved, because an overlay (go build -overlay) silently ignores paths that go
// through one. WORKSHOP_ROOT overrides the search. The error is ErrOutside when there is no such folder.
func Root() (string, error) {
	start := os.Getenv(EnvRoot)
	if start != "" {
		root, err := resolve(start)
		if err != nil {
			return "", fmt.Errorf("%s: %w", EnvRoot, err)
		}
		return root, nil
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	if start, err = resolve(start); err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for folder := start; ; folder = filepath.Dir(folder) {
		if isRoot(folder) {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", ErrOutside
		}
	}
}

// Dir returns the scratch folder, Root()/.workshop, and makes it when it is missing. It is absolute and free of symbolic
// links. Git ignores it. WORKSHOP_SCRATCH overrides it.
func Dir() (string, error) {
	folder := os.Getenv(EnvDir)
	if folder == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(root, ".workshop")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the scratch folder: %w", err)
	}
	return resolve(folder)
}

func resolve(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(folder)
}

func isRoot(folder string) bool {
	work, err := os.Stat(filepath.Join(folder, "go.work"))
	if err != nil || work.IsDir() {
		return false
	}
	machinery, err := os.Stat(filepath.Join(folder, "workshop"))
	return err == nil && machinery.IsDir()
}

package docker

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"

	"warren.example/workshop/scratch"
)

// build compiles the second program into the scratch folder and returns its path. Go's cache makes it quick after the first
// time; the first time fetches testcontainers-go and takes most of a minute.
func build(ctx context.Context, progress func(string)) (string, error) {
	root, err := scratch.Root()
	if err != nil {
		return "", err
	}
	dir, err := scratch.Dir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "bin", "containers")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	// Two who build at once would write the same file, one while the other runs it already.
	turn, err := scratch.LockWait(ctx, filepath.Join(dir, "containers.build.lock"))
	if err != nil {
		return "", err
	}
	defer turn.Unlock()
	progress("building the program that talks to Docker (fetches testcontainers-go once)")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./node/docker/containers")
	cmd.Dir = filepath.Join(root, "workshop")
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("build the program that talks to Docker: %s", lastLine(out, err))
	}
	return program, nil
}

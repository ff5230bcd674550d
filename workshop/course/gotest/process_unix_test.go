//go:build unix

package gotest_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/course/gotest"
)

// TestNothingIsLeftRunning has a test that starts a child which outlives it, and once is interrupted, once ends.
func TestNothingIsLeftRunning(t *testing.T) {
	t.Parallel()
	const source = `package sum_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

func TestStartsAChild(t *testing.T) {
	child := exec.Command("sleep", "300")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr // the pipe of the tests' output stays open
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// Renamed, so that whoever waits for the file reads it whole.
	if err := os.WriteFile("pid.part", []byte(strconv.Itoa(child.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("pid.part", "pid"); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("STAY") != "" {
		child.Wait()
	}
}
`
	for name, interrupted := range map[string]bool{"when interrupted": true, "when the tests end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"sum.go": "package sum\n", "sum_test.go": source})
			p := gotest.Package{Dir: dir}
			if interrupted {
				p.Env = []string{"STAY=1"}
			}
			b := build(t, p)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var err error
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, err = b.Run(ctx, gotest.Options{})
			}()

			pid := readPID(t, filepath.Join(dir, "pid"))
			if interrupted {
				cancel()
			}
			<-ended
			if interrupted {
				require.ErrorIs(t, err, context.Canceled)
			} else {
				require.NoError(t, err)
			}
			require.Eventually(t, func() bool { return !alive(pid) }, 10*time.Second, 10*time.Millisecond, "the child lives on")
		})
	}
}

// A go command that is interrupted leaves its temporary folders, but not where they stay.
func TestAnInterruptedBuildLeavesNoFolder(t *testing.T) {
	temporary := t.TempDir()
	dir, _ := sumModule(t, rightSum)
	t.Setenv("TMPDIR", temporary)
	for name, work := range map[string]func(context.Context, gotest.Package) error{
		"build": func(ctx context.Context, p gotest.Package) error {
			b, err := p.Build(ctx)
			if err == nil {
				err = b.Close()
			}
			return err
		},
		"vet": func(ctx context.Context, p gotest.Package) error { return p.Vet(ctx) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- work(ctx, gotest.Package{Dir: dir, Env: []string{"GOWORK=off"}}) }()
		// Interrupted where go has its folder, unless it was quicker than this look.
		require.Eventually(t, func() bool {
			found, _ := filepath.Glob(filepath.Join(temporary, "workshop-*", "go-build*"))
			return len(found) > 0 || len(ended) > 0
		}, 30*time.Second, time.Millisecond, name)
		cancel()
		if err := <-ended; err != nil {
			require.ErrorIs(t, err, context.Canceled, name)
		}
		left, err := os.ReadDir(temporary)
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
}

func readPID(t *testing.T, file string) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(string(content))
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	return pid
}

// alive reports whether a process runs. One that has ended, but that its new parent hasn't noticed yet, doesn't.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true // no /proc here
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

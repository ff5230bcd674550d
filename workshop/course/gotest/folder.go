package gotest

import (
	"os"
	"slices"
	"time"
)

// newFolder makes a temporary folder. Others can pass through it, but not look into it: a test may run a program as somebody
// else from a folder of its own below (testing.T.TempDir goes by GOTMPDIR).
func newFolder(prefix string) (string, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// inFolder returns env with the go command's own temporary folders inside of dir: a go command that is ended by a signal
// leaves them, and whoever removes dir removes them too.
func inFolder(dir string, env []string) []string {
	return append(slices.Clone(env), "GOTMPDIR="+dir)
}

// removing is how long removeFolder tries.
const removing = 2 * time.Second

// removeFolder removes a temporary folder. It tries again for a while: a compiler that was ended just now may still be
// about to write into it.
func removeFolder(dir string) error {
	for end := time.Now().Add(removing); ; time.Sleep(10 * time.Millisecond) {
		err := os.RemoveAll(dir)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

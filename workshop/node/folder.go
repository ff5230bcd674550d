package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"warren.example/workshop/scratch"
)

const lockSuffix = ".lock"

// A folder is a pool's own, below one that many pools share. The lock beside it says that the pool still lives.
type folder struct {
	path string
	lock *scratch.Held
}

// newFolder makes a folder below dir, and deletes what pools have left there that were killed.
func newFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for nodes: %w", err)
	}
	if err := sweep(dir); err != nil {
		return nil, fmt.Errorf("delete old nodes: %w", err)
	}
	path := filepath.Join(dir, strings.ToLower(rand.Text()[:8]))
	lock, err := scratch.Lock(path + lockSuffix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for nodes: %w", err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for nodes: %w", errors.Join(err, lock.Unlock()))
	}
	return &folder{path: path, lock: lock}, nil
}

// remove deletes the folder.
func (f *folder) remove() error {
	return errors.Join(os.RemoveAll(f.path), os.Remove(f.path+lockSuffix), f.lock.Unlock())
}

// sweep deletes the folders whose lock nobody holds.
func sweep(dir string) error {
	locks, err := filepath.Glob(filepath.Join(dir, "*"+lockSuffix))
	if err != nil {
		return err
	}
	for _, path := range locks {
		lock, err := scratch.Lock(path)
		if errors.Is(err, scratch.ErrLocked) {
			continue
		}
		if err != nil {
			return err
		}
		left := folder{path: strings.TrimSuffix(path, lockSuffix), lock: lock}
		if err := left.remove(); err != nil {
			return err
		}
	}
	return nil
}

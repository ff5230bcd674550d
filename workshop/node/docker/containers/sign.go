package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"warren.example/workshop/scratch"
)

// ownerLabel names, on each container and network, the file by which its owner can be seen to live.
const ownerLabel = "example.warren.owner"

// A sign is a locked file: a sign of life. The system gives the lock back when the process ends, so a successor that gets
// it knows that the owner is dead. A process id would not do: it may be given to somebody else, or linger as a zombie.
type sign struct {
	path string
	lock *scratch.Held
}

func newSign() (*sign, error) {
	dir, err := scratch.Dir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fmt.Sprintf("containers-%d.lock", os.Getpid()))
	lock, err := scratch.Lock(path)
	if err != nil {
		return nil, err
	}
	return &sign{path: path, lock: lock}, nil
}

func (s *sign) labels() map[string]string { return map[string]string{ownerLabel: s.path} }

func (s *sign) remove() error { return errors.Join(s.lock.Unlock(), os.Remove(s.path)) }

// abandoned reports whether the owner with this sign is dead. An owner of another machine or another user, whose file can't
// be seen, counts as alive.
func abandoned(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock, err := scratch.Lock(path)
	if err != nil {
		return false
	}
	return lock.Unlock() == nil
}

package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrLocked says that a folder is in use, by another process or by another Log of this one.
var ErrLocked = errors.New("in use")

const lockName = "lock"

// folderLock keeps others out of a folder. The operating system frees it when the process ends, however it ends. The file
// stays; it holds the number of the process that had it last.
type folderLock struct{ file *os.File }

func lockFolder(folder string) (*folderLock, error) {
	path := filepath.Join(folder, lockName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, lockError(folder, "", err)
	}
	if err := lock(file); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(file, 20))
		return nil, errors.Join(lockError(folder, strings.TrimSpace(string(owner)), err), file.Close())
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &folderLock{file}, nil
}

// lockError says who has the folder, if that is known.
func lockError(folder, owner string, err error) error {
	if !errors.Is(err, ErrLocked) {
		return err
	}
	if owner != "" {
		owner = " by process " + owner
	}
	return fmt.Errorf("folder %s is %w%s: end it first, or choose another folder", folder, ErrLocked, owner)
}

func (l *folderLock) release() error { return l.file.Close() }

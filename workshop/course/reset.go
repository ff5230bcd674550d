package course

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// timeStamp names folders and files after a time, also where a colon is not allowed.
const timeStamp = "2006-01-02T15-04-05"

// Begun reports whether the learner's file differs from the pristine skeleton. The error about a file that is gone says
// what brings it back, and wraps fs.ErrNotExist.
func (e Exercise) Begun() (bool, error) {
	skeleton, err := os.ReadFile(e.SkeletonFile())
	if err != nil {
		return false, fmt.Errorf("skeleton of %s: %w", e.ID, err)
	}
	mine, err := os.ReadFile(e.LearnerFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, &missingError{e, err}
	}
	if err != nil {
		return false, fmt.Errorf("your file of %s: %w", e.ID, err)
	}
	return !bytes.Equal(skeleton, mine), nil
}

// missingError says that the learner's file is gone, and what brings it back. It wraps fs.ErrNotExist.
type missingError struct {
	exercise Exercise
	err      error
}

func (m *missingError) Error() string {
	return fmt.Sprintf("%s: there is no file %s/%s. Type `go run ./workshop reset %s`: it brings the skeleton back",
		m.exercise.ID, m.exercise.Path(), m.exercise.File, m.exercise.ID)
}

func (m *missingError) Unwrap() error { return m.err }

// Reset backs the learner's file up and writes the pristine skeleton in its place. It returns the backup's path, below
// backups/<time>/ in the scratch folder. If no backup can be made, nothing is changed. A file that is missing needs none;
// the path is "" then.
func (c *Course) Reset(e Exercise) (backup string, err error) {
	skeleton, err := os.ReadFile(e.SkeletonFile())
	if err != nil {
		return "", fmt.Errorf("reset %s: %w", e.ID, err)
	}
	mode := os.FileMode(0o644)
	mine, err := os.ReadFile(e.LearnerFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("reset %s: %w; nothing was changed", e.ID, err)
	default:
		if info, err := os.Stat(e.LearnerFile()); err == nil {
			mode = info.Mode().Perm()
		}
		if backup, err = c.backUp(e, mine); err != nil {
			return "", fmt.Errorf("reset %s: no backup could be made: %w; nothing was changed", e.ID, err)
		}
	}
	if err := writeFile(e.LearnerFile(), skeleton, mode); err != nil {
		return backup, fmt.Errorf("reset %s: %w", e.ID, err)
	}
	return backup, nil
}

// backUp writes a copy into a folder named after the time. Two backups in one second get folders of their own.
func (c *Course) backUp(e Exercise, content []byte) (string, error) {
	stamp := time.Now().Format(timeStamp)
	for n := 1; ; n++ {
		folder := stamp
		if n > 1 {
			folder = fmt.Sprintf("%s-%d", stamp, n)
		}
		file := filepath.Join(c.Scratch, "backups", folder, e.Chapter, e.Dir, e.File)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		err := writeNew(file, content)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return file, err
	}
}

// writeNew writes a file that must not exist yet, and sees that it is on the disk.
func writeNew(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

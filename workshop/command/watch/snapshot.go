package watch

import (
	"io/fs"
	"os"
	"strings"
	"time"
)

// A snapshot is what a folder's Go files looked like, without their content.
type snapshot map[string]trace

type trace struct {
	size     int64
	modified time.Time
	info     fs.FileInfo // for os.SameFile: a file that was replaced may have size and time of the old one
}

// look leaves out what can't be read: it is seen as soon as it can.
func look(folder string) snapshot {
	files := snapshot{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return files
	}
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), ".go") || strings.HasPrefix(entry.Name(), ".") {
			continue // editors keep swap files with a leading dot
		}
		if info, err := entry.Info(); err == nil {
			files[entry.Name()] = trace{size: info.Size(), modified: info.ModTime(), info: info}
		}
	}
	return files
}

func (s snapshot) equal(other snapshot) bool {
	if len(s) != len(other) {
		return false
	}
	for name, a := range s {
		b, ok := other[name]
		if !ok || a.size != b.size || !a.modified.Equal(b.modified) || !os.SameFile(a.info, b.info) {
			return false
		}
	}
	return true
}

package wal

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// lock locks a byte far behind the text, which others may go on reading.
func lock(file *os.File) error {
	const exclusive, failImmediately = 2, 1
	const violation syscall.Errno = 33 // ERROR_LOCK_VIOLATION
	at := syscall.Overlapped{OffsetHigh: 1}
	ok, _, err := lockFileEx.Call(file.Fd(), exclusive|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok != 0 {
		return nil
	}
	if errors.Is(err, violation) {
		return ErrLocked
	}
	return err
}

// syncFolder does nothing: NTFS keeps its names in a journal of its own.
func syncFolder(string) error { return nil }

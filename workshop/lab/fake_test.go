package lab_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// A fakeTB is a test inside a test: it notes what testing.T would do, so that a failure that is wanted fails nobody.
type fakeTB struct {
	testing.TB // the real test: for its name, and because only package testing can make a TB

	mu       sync.Mutex // guards what follows
	failed   bool
	skipped  bool
	output   bytes.Buffer
	cleanups []func()
}

// judge runs a test as go test would: in a goroutine of its own, that FailNow and Skip may end, and then its cleanups,
// the last first. It returns when all is over.
func judge(t *testing.T, test func(t testing.TB)) *fakeTB {
	t.Helper()
	f := &fakeTB{TB: t}
	f.run(func() { test(f) })
	for {
		f.mu.Lock()
		n := len(f.cleanups)
		if n == 0 {
			f.mu.Unlock()
			return f
		}
		last := f.cleanups[n-1]
		f.cleanups = slices.Delete(f.cleanups, n-1, n)
		f.mu.Unlock()
		f.run(last)
	}
}

func (f *fakeTB) run(part func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		part()
	}()
	<-done
}

func (f *fakeTB) Cleanup(part func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, part)
}

func (f *fakeTB) Fail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = true
}

func (f *fakeTB) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

func (f *fakeTB) FailNow() {
	f.Fail()
	runtime.Goexit()
}

func (f *fakeTB) SkipNow() {
	f.mu.Lock()
	f.skipped = true
	f.mu.Unlock()
	runtime.Goexit()
}

func (f *fakeTB) Skipped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}

func (f *fakeTB) Skip(args ...any) {
	f.Log(args...)
	f.SkipNow()
}

func (f *fakeTB) Log(args ...any)                 { f.write(fmt.Sprintln(args...)) }
func (f *fakeTB) Logf(format string, args ...any) { f.write(fmt.Sprintf(format, args...) + "\n") }
func (f *fakeTB) Output() io.Writer               { return writer(f.write) }
func (f *fakeTB) Helper()                         {}

func (f *fakeTB) write(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.output.WriteString(text)
}

// said returns what the test printed.
func (f *fakeTB) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.output.String()
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

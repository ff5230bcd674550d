package lab

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// own is the prefix of the names of this package's functions.
const own = "warren.example/workshop/lab."

// exerciseDir is the folder that go test runs in: the exercise's.
var exerciseDir = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
})

// place says where a stack is, as far as it concerns the learner: prefix and "hello.go:31", or nothing.
func place(prefix string, frames []frame) string {
	i := inExercise(exerciseDir(), frames)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s%s:%d", prefix, path.Base(filepath.ToSlash(frames[i].file)), frames[i].line)
}

// doing is place with what was called there: "hello.go:31 in amqp091-go.(*Channel).Close".
func doing(prefix string, frames []frame) string {
	at := place(prefix, frames)
	if i := inExercise(exerciseDir(), frames); i > 0 {
		at += " in " + path.Base(frames[i-1].function)
	}
	return at
}

// inExercise returns the index of the innermost frame that stands in the learner's file. There may be none, as in a
// panic of the test's own handler: then that of the innermost one that is neither Go's, the client's nor the lab's; -1
// if there is none either.
func inExercise(dir string, frames []frame) int {
	learners := func(f frame) bool { return isLearners(dir, f) }
	if i := slices.IndexFunc(frames, learners); i >= 0 {
		return i
	}
	return slices.IndexFunc(frames, func(f frame) bool { return f.line > 0 && !isGiven(f) })
}

// isLearners compares names, not paths: -trimpath and symbolic links change the folders above.
func isLearners(dir string, f frame) bool {
	file := filepath.ToSlash(f.file)
	return path.Base(path.Dir(file)) == filepath.Base(dir) &&
		!strings.HasSuffix(file, "_test.go") && !strings.HasPrefix(f.function, own)
}

// isGiven tells whether a frame is of Go itself, of the client or of the lab.
func isGiven(f frame) bool {
	return isGo(f) || isClients(f) || strings.HasPrefix(f.function, own)
}

// isGo tells whether a frame is of Go itself: the paths of its packages have no dot before the first slash. Nor have
// those of modules that are called just "main".
func isGo(f frame) bool {
	first, _, _ := strings.Cut(f.function, "/")
	if first == f.function { // no slash: "runtime.gopanic", "main.main"
		return !strings.HasPrefix(f.function, "main.")
	}
	return !strings.Contains(first, ".")
}

// isClients tells whether a frame is of amqp091-go.
func isClients(f frame) bool {
	return strings.HasPrefix(f.function, "github.com/rabbitmq/amqp091-go.")
}

func framesOf(pcs []uintptr) []frame {
	var all []frame
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		all = append(all, frame{function: f.Function, file: f.File, line: f.Line})
		if !more {
			return all
		}
	}
}

// afterPanic drops the frames above the one that panicked.
func afterPanic(frames []frame) []frame {
	for i, f := range frames {
		if f.function == "runtime.gopanic" {
			return frames[i+1:]
		}
	}
	return frames
}

package gotest

import (
	"bufio"
	"encoding/json"
	"io"
)

// An Event is one line of `go test -json` or test2json; see `go doc test2json`.
type Event struct {
	Action      string  // start, run, pause, cont, pass, fail, skip, output, build-output, build-fail
	Package     string  // import path; build events have ImportPath instead
	ImportPath  string  // of build-output and build-fail
	Test        string  // "" when it is about the package
	Output      string  // of output and build-output
	Elapsed     float64 // seconds, of pass, fail and skip
	FailedBuild string  // of a package's fail: what did not compile
}

// Read calls each for every event of a stream, until the stream ends. What is no event, such as a line that go itself
// prints between them, arrives as an event "output" of no package.
func Read(r io.Reader, each func(Event)) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e Event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				e = Event{Action: "output", Output: string(line)}
			}
			each(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

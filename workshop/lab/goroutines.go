package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
)

// The labels that goroutines carry: which lab's call started them, and which call.
const (
	labLabel  = "warren lab"
	callLabel = "warren call"
)

// A frame is one line of a stack.
type frame struct {
	function string // "warren.example/01-basics/1-hello.Send"
	file     string
	line     int
}

// A goroutine is a stack, innermost frame first.
type goroutine struct {
	frames []frame
	start  frame  // where its go statement stands; zero if not known: see withStart
	state  string // "running", "chan receive, 2 minutes"; known of traces only
}

// root is the function that the goroutine was started with.
func (g goroutine) root() frame {
	if len(g.frames) == 0 {
		return frame{}
	}
	return g.frames[len(g.frames)-1]
}

// goroutines returns those that carry a label. Labels are inherited, so these are all that a call started, directly or
// not.
//
// Only the goroutine profile tells labels, in its readable form:
//
//	2 @ 0x4446f1 0x482ddd
//	# labels: {"warren call":"1", "warren lab":"3"}
//	#	0x51c0d0	warren.example/01-basics/1-hello.Send.func1+0xb0	/shop/hello.go:31
func goroutines(key, value string) []goroutine {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return nil // a buffer takes everything
	}
	return parseProfile(profile.String(), fmt.Sprintf("%q:%q", key, value))
}

func parseProfile(profile, label string) []goroutine {
	var found []goroutine
	for _, block := range strings.Split(profile, "\n\n") {
		count, labelled := 0, false
		var g goroutine
		lines := bufio.NewScanner(strings.NewReader(block))
		for lines.Scan() {
			line := lines.Text()
			labels, isLabels := strings.CutPrefix(line, "# labels: ")
			switch {
			case isLabels:
				labelled = strings.Contains(labels, label)
			case strings.HasPrefix(line, "#\t"):
				g.frames = append(g.frames, parseFrame(line))
			case strings.Contains(line, " @ "):
				count, _ = strconv.Atoi(strings.Fields(line)[0])
			}
		}
		for i := 0; labelled && i < count; i++ {
			found = append(found, g)
		}
	}
	return found
}

// parseFrame reads a line such as "#      0x51c0d0        pkg.Func+0xb0           /shop/hello.go:31"; columns are
// filled up with tabs.
func parseFrame(line string) frame {
	columns := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
	if len(columns) != 4 {
		return frame{}
	}
	function, _, _ := strings.Cut(columns[2], "+0x")
	f := frame{function: function, file: columns[3]}
	if colon := strings.LastIndexByte(f.file, ':'); colon > 0 {
		f.line, _ = strconv.Atoi(f.file[colon+1:])
		f.file = f.file[:colon]
	}
	return f
}

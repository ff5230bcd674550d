package lab

import (
	"bytes"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
)

// withStart fills in where goroutines were started. The form of the profile that tells labels doesn't say, the one that
// says tells no labels: so the stacks of both are compared. Goroutines with the same stack are the same to a reader.
func withStart(all []goroutine) []goroutine {
	starts := make(map[string]frame)
	for _, g := range traces() {
		starts[key(g.frames)] = g.start
	}
	filled := slices.Clone(all)
	for i := range filled {
		filled[i].start = starts[key(filled[i].frames)]
	}
	return filled
}

// traces returns all goroutines of the process, without their labels.
func traces() []goroutine {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 2); err != nil {
		return nil // a buffer takes everything
	}
	var all []goroutine
	for _, block := range strings.Split(profile.String(), "\n\n") {
		all = append(all, parseTrace(block))
	}
	return all
}

// key identifies a stack by its lines. Go's own are left out: the two forms don't hide the same ones.
func key(frames []frame) string {
	var b strings.Builder
	for _, f := range frames {
		if !isGo(f) {
			b.WriteString(f.file + ":" + strconv.Itoa(f.line) + "\n")
		}
	}
	return b.String()
}

// parseTrace reads one goroutine of a trace:
//
//	goroutine 20 [chan receive]:
//	warren.example/01-basics/1-hello.Send.func1({0x5688f2, 0x5})
//		/shop/hello.go:31 +0x19
//	created by warren.example/01-basics/1-hello.Send in goroutine 19
//		/shop/hello.go:25 +0x56
func parseTrace(block string) goroutine {
	var g goroutine
	header, stack, _ := strings.Cut(block, "\n")
	_, state, _ := strings.Cut(header, "[")
	g.state, _, _ = strings.Cut(state, "]")
	var function string
	for _, line := range strings.Split(stack, "\n") {
		position, indented := strings.CutPrefix(line, "\t")
		if !indented {
			function = line
			continue
		}
		position, _, _ = strings.Cut(position, " +0x")
		f := frame{file: position}
		if colon := strings.LastIndexByte(position, ':'); colon > 0 {
			f.file = position[:colon]
			f.line, _ = strconv.Atoi(position[colon+1:])
		}
		if creator, ok := strings.CutPrefix(function, "created by "); ok {
			f.function, _, _ = strings.Cut(creator, " in goroutine ")
			g.start = f
			continue
		}
		f.function = function
		if arguments := strings.LastIndexByte(function, '('); arguments > 0 {
			f.function = function[:arguments]
		}
		g.frames = append(g.frames, f)
	}
	return g
}

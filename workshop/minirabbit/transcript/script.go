package transcript

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Script is a list of operations, one idea.
type Script struct {
	Subject, Name string
	Lines         []string // operations; notes and directives are not among them
	Only          []string // the versions it is for; nil: all
	Differences   []Difference
}

// Difference is what minirabbit is meant to do otherwise: lines of the golden transcript and those that replace them.
type Difference struct {
	Versions []string // of RabbitMQ
	Reason   string
	Golden   []string
	Mini     []string
}

// String is subject/name.
func (s Script) String() string { return s.Subject + "/" + s.Name }

// For tells whether the script is for a version of RabbitMQ.
func (s Script) For(version string) bool { return s.Only == nil || slices.Contains(s.Only, version) }

// Breaks tells whether the script stops or starves its broker, so that it needs one of its own.
func (s Script) Breaks() bool {
	return slices.ContainsFunc(s.Lines, func(line string) bool { return strings.HasPrefix(line, "broker ") })
}

// Load reads all scripts of a folder: one file per subject, its name without .txt. They come sorted by subject, in the
// order of their files.
func Load(folder string) ([]Script, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var scripts []Script
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		names := map[string]bool{}
		for _, part := range sections(string(text)) {
			subject := strings.TrimSuffix(filepath.Base(file), ".txt")
			script, err := parseScript(part.lines)
			if err != nil {
				return nil, fmt.Errorf("script %s/%s: %w", subject, part.name, err)
			}
			if names[part.name] {
				return nil, fmt.Errorf("script %s/%s is there twice", subject, part.name)
			}
			names[part.name] = true
			script.Subject, script.Name = subject, part.name
			scripts = append(scripts, script)
		}
	}
	return scripts, nil
}

func parseScript(lines []string) (Script, error) {
	var s Script
	noted := false
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			noted = true
		case strings.HasPrefix(line, "only "):
			versions, _, found := strings.Cut(strings.TrimPrefix(line, "only "), ": ")
			if !found {
				return s, fmt.Errorf("%q gives no reason: only VERSION: why", line)
			}
			s.Only = strings.Fields(versions)
		case strings.HasPrefix(line, "differs "):
			versions, reason, found := strings.Cut(strings.TrimPrefix(line, "differs "), ": ")
			if !found {
				return s, fmt.Errorf("%q gives no reason: differs VERSION: why", line)
			}
			d := Difference{Versions: strings.Fields(versions), Reason: reason}
			for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "- "); i++ {
				d.Golden = append(d.Golden, lines[i+1][2:])
			}
			for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "+ "); i++ {
				d.Mini = append(d.Mini, lines[i+1][2:])
			}
			s.Differences = append(s.Differences, d)
		default:
			s.Lines = append(s.Lines, line)
		}
	}
	if !noted {
		return s, fmt.Errorf("no note says what it is about")
	}
	return s, nil
}

// section is a named part of a file: what follows a line "-- name --".
type section struct {
	name  string
	lines []string
}

// sections cuts a file into its parts. Lines before the first part are left out.
func sections(text string) []section {
	var parts []section
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if name, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(name, " --") {
			parts = append(parts, section{name: strings.TrimSuffix(name, " --")})
		} else if len(parts) > 0 {
			last := &parts[len(parts)-1]
			last.lines = append(last.lines, line)
		}
	}
	for i := range parts { // blank lines between parts belong to none
		for n := len(parts[i].lines); n > 0 && parts[i].lines[n-1] == ""; n-- {
			parts[i].lines = parts[i].lines[:n-1]
		}
	}
	return parts
}

package native

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

var (
	errDead      = errors.New("the node is dead")
	errPortTaken = errors.New("a port is taken")
)

// obituary says why the node ended while it was to start: the telling lines of its log. It is an errPortTaken when another
// program had one of the ports.
func (s *server) obituary() error {
	files := []string{s.folder.path(fileLog), s.folder.path(fileOutput)}
	if anyMatch(portTaken, files...) {
		return fmt.Errorf("%s ended while it started: %w%s", s.info.Name, errPortTaken, tellingLines(files...))
	}
	return fmt.Errorf("%s ended while it started%s", s.info.Name, tellingLines(files...))
}

var (
	telling   = regexp.MustCompile(`(?i)error|critical|failed|failure|eaddrinuse|already in use|cannot|could not|denied`)
	portTaken = regexp.MustCompile(`(?i)eaddrinuse|already in use`)
	prefix    = regexp.MustCompile(`^\d{4}-\d\d-\d\d \S+ (\[\w+\]) <[\d.]+> ?`)
)

func anyMatch(pattern *regexp.Regexp, files ...string) bool {
	for _, file := range files {
		if raw, err := os.ReadFile(file); err == nil && pattern.Match(raw) {
			return true
		}
	}
	return false
}

// tellingLines returns the lines of log files that tell why a program ended, each on a line of its own and indented;
// when none does, the first lines of all.
func tellingLines(files ...string) string {
	const most = 8
	var all, chosen []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			text := strings.TrimSpace(prefix.ReplaceAllString(line, "$1 "))
			if text == "" || text == "[error]" {
				continue
			}
			all = append(all, text)
			if telling.MatchString(text) {
				chosen = append(chosen, text)
			}
		}
	}
	if len(chosen) == 0 {
		chosen = all
	}
	if len(chosen) == 0 {
		return " and wrote nothing"
	}
	chosen = chosen[:min(len(chosen), most)] // the first is the cause, the others are what came of it
	return ":\n    " + strings.Join(chosen, "\n    ")
}

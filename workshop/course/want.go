package course

import (
	"fmt"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// A Want is one line `// want TestName: "text"` of a mistake: the test that must reject it, and what its failure must say.
type Want struct {
	Test string
	Text string
	line int
}

// Wants are what a mistake's first comment asks of the tests.
type Wants struct {
	// Claims must all hold; the first is the one that the catalogue names.
	Claims []Want
	// Brokers are the versions on which it is a mistake: "3.10" is every 3.10.x. None means all.
	Brokers []string
}

var (
	wantLine    = regexp.MustCompile(`^want (Test\w+): (".*")$`)
	wantStart   = regexp.MustCompile(`^wants?\b.*\bTest`)
	brokersLine = regexp.MustCompile(`^brokers?:\s*(.*)$`)
	versionForm = regexp.MustCompile(`^\d+(\.\d+)*$`)
)

// ReadWants reads the comments above the package clause of a mistake. name is used in messages. What is wrong with the
// comments is returned as problems; the error is about a file that Go can't read.
func ReadWants(name string, source []byte) (Wants, []Problem, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		return Wants{}, nil, err
	}
	var w Wants
	check := &checker{file: name}
	prose := false
	for n, group := range parsed.Comments {
		if group.Pos() > parsed.Package {
			break
		}
		for _, comment := range group.List {
			first := files.Position(comment.Pos()).Line
			for i, text := range commentLines(comment.Text) {
				words := w.read(check, first+i, text)
				prose = prose || words && n == 0 // later comments may be the package's own
			}
		}
	}
	if len(w.Claims) == 0 && len(check.problems) == 0 {
		check.add(1, `no test is named that rejects this: add // want TestName: "text of its failure" above the package clause`)
	}
	if !prose {
		check.add(1, "say first what is wrong here and what happens in production, above the package clause")
	}
	return w, check.problems, nil
}

// read takes one line of a comment and reports whether it is prose.
func (w *Wants) read(check *checker, line int, text string) (prose bool) {
	if m := wantLine.FindStringSubmatch(text); m != nil {
		unquoted, err := strconv.Unquote(m[2])
		if err != nil || strings.TrimSpace(unquoted) == "" {
			check.add(line, `%s is no text: write // want %s: "part of what its failure says"`, m[2], m[1])
			return false
		}
		w.Claims = append(w.Claims, Want{Test: m[1], Text: unquoted, line: line})
		return false
	}
	if wantStart.MatchString(text) {
		check.add(line, `%q is not understood: write // want TestName: "text of its failure"`, text)
		return false
	}
	if m := brokersLine.FindStringSubmatch(text); m != nil {
		for _, version := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			if !versionForm.MatchString(version) {
				check.add(line, "%q is no version: write // brokers: 3.10, 4", version)
				continue
			}
			w.Brokers = append(w.Brokers, version)
		}
		return false
	}
	return text != ""
}

// On reports whether the mistake is one on a broker of this version; if not, needs says on which it is.
func (w Wants) On(version string) (ok bool, needs string) {
	if len(w.Brokers) == 0 {
		return true, ""
	}
	for _, prefix := range w.Brokers {
		if version == prefix || strings.HasPrefix(version, prefix+".") {
			return true, ""
		}
	}
	if version == "" {
		version = "of unknown version"
	}
	return false, fmt.Sprintf("RabbitMQ %s, where this is a mistake; the broker is %s", strings.Join(w.Brokers, " or "), version)
}

func commentLines(comment string) []string {
	if rest, found := strings.CutPrefix(comment, "//"); found {
		return []string{strings.TrimSpace(rest)}
	}
	comment = strings.TrimSuffix(strings.TrimPrefix(comment, "/*"), "*/")
	var lines []string
	for line := range strings.Lines(comment) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

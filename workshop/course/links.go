package course

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

var (
	fence      = regexp.MustCompile("^\\s*(```+|~~~+)")
	inlineCode = regexp.MustCompile("`[^`]*`")
	linkForm   = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	heading    = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	anchorTag  = regexp.MustCompile(`<[^>]*\b(?:id|name)="([^"]+)"`)
	markup     = regexp.MustCompile("[*`]|\\]\\([^)]*\\)|\\[|<[^>]*>")
	// lessonRef is how tests name a place in a lesson: "01-basics/README.md#ack".
	lessonRef = regexp.MustCompile(`\b(\d\d-[a-z0-9-]+/(?:[\w.-]+/)*[\w.-]+\.md)(#[\w-]+)?`)
)

// lesson checks a chapter's README: that it is there, that it links to each exercise, and that its links lead somewhere.
func (i *inspection) lesson(chapter Chapter) {
	file := filepath.Join(i.root, chapter.Dir, "README.md")
	content, ok := i.read(file, "the lesson of "+chapter.Dir)
	if !ok {
		return
	}
	linked := map[string]bool{}
	for _, link := range i.links(file, content) {
		first, _, _ := strings.Cut(strings.TrimPrefix(link, "./"), "/")
		linked[first] = true
	}
	for _, e := range chapter.Exercises {
		if !linked[e.Dir] {
			i.add(file, 0, "no link to exercise %s: add [%s %s](%s/%s)", e.ID, e.ID, e.Title, e.Dir, e.File)
		}
	}
}

// links checks that the relative links of a Markdown file lead to something, anchors included, and returns their paths.
func (i *inspection) links(file string, content []byte) []string {
	var paths []string
	for number, line := range prose(content) {
		for _, m := range linkForm.FindAllStringSubmatch(line, -1) {
			target, err := url.Parse(m[1])
			if err != nil {
				i.add(file, number+1, "link %q: %v", m[1], err)
				continue
			}
			if target.Scheme != "" || target.Host != "" {
				continue
			}
			to := file
			if target.Path != "" {
				paths = append(paths, path.Clean(target.Path))
				to = filepath.Join(filepath.Dir(file), filepath.FromSlash(target.Path))
			}
			i.target(file, number+1, m[1], to, target.Fragment)
		}
	}
	return paths
}

// references checks the places in lessons that a test file names, each once; failures send learners there.
func (i *inspection) references(file string, source []byte) {
	seen := map[string]bool{}
	for number, line := range strings.Split(string(source), "\n") {
		for _, m := range lessonRef.FindAllStringSubmatch(line, -1) {
			if seen[m[0]] {
				continue
			}
			seen[m[0]] = true
			to := filepath.Join(i.root, filepath.FromSlash(m[1]))
			i.target(file, number+1, m[0], to, strings.TrimPrefix(m[2], "#"))
		}
	}
}

func (i *inspection) target(file string, line int, link, to, fragment string) {
	if below, err := filepath.Rel(i.root, to); err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		i.add(file, line, "link %q leads out of the workshop", link)
		return
	}
	info, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		i.add(file, line, "link %q leads nowhere: there is no %s", link, i.below(to))
		return
	}
	if err != nil || fragment == "" || info.IsDir() || !strings.EqualFold(filepath.Ext(to), ".md") {
		return
	}
	content, err := os.ReadFile(to)
	if err != nil {
		i.add(file, line, "link %q: %v", link, err)
		return
	}
	if known := anchors(content); !known[fragment] {
		i.add(file, line, "link %q leads nowhere: %s has no heading and no <a id=%q> for #%s", link, i.below(to), fragment, fragment)
	}
}

// anchors returns what can follow # in a link to a Markdown file, as GitHub makes it from headings, and explicit ids.
func anchors(content []byte) map[string]bool {
	known := map[string]bool{}
	for _, line := range prose(content) {
		for _, m := range anchorTag.FindAllStringSubmatch(line, -1) {
			known[m[1]] = true
		}
	}
	times := map[string]int{}
	for _, line := range outsideFences(content) {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		s := slug(m[1])
		if n := times[s]; n > 0 {
			known[fmt.Sprintf("%s-%d", s, n)] = true
		} else {
			known[s] = true
		}
		times[s]++
	}
	return known
}

func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(markup.ReplaceAllString(heading, "")) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// prose returns the lines of a Markdown file with code blanked out, so that line numbers stay.
func prose(content []byte) []string {
	lines := outsideFences(content)
	for n, line := range lines {
		lines[n] = inlineCode.ReplaceAllString(line, "")
	}
	return lines
}

func outsideFences(content []byte) []string {
	lines := strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n")
	open := ""
	for n, line := range lines {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == "" && m != nil:
			open = m[1]
			lines[n] = ""
		case open != "":
			if m != nil && strings.HasPrefix(m[1], open) {
				open = ""
			}
			lines[n] = ""
		}
	}
	return lines
}

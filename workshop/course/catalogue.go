package course

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warren.example/workshop/broker"
	"warren.example/workshop/scratch"
)

// CatalogueFile is the name of a chapter's catalogue, in the chapter's folder.
const CatalogueFile = "chapter.yaml"

// chapterEntry and the types below are the form of a catalogue. A field that they don't have is an error.
type chapterEntry struct {
	ID        string          `yaml:"id"`
	Title     string          `yaml:"title"`
	Minutes   int             `yaml:"minutes"`
	Rows      []int           `yaml:"rows"`
	Exercises []exerciseEntry `yaml:"exercises"`
}

type exerciseEntry struct {
	ID       string           `yaml:"id"`
	Dir      string           `yaml:"dir"`
	File     string           `yaml:"file"`
	Title    string           `yaml:"title"`
	Minutes  int              `yaml:"minutes"`
	Needs    []broker.Ability `yaml:"needs"`
	Rows     []int            `yaml:"rows"`
	Mistakes []mistakeEntry   `yaml:"mistakes"`
}

type mistakeEntry struct {
	Name  string `yaml:"name"`
	Claim string `yaml:"claim"`
	Hint  int    `yaml:"hint"`
}

var (
	chapterDir   = regexp.MustCompile(`^(\d\d)-[a-z0-9-]+$`)
	exerciseDir  = regexp.MustCompile(`^(\d+)-([a-z0-9]+(?:-[a-z0-9]+)*)$`)
	mistakeName  = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)*$`)
	learnerFile  = regexp.MustCompile(`^[a-z0-9_]+\.go$`)
	claimName    = regexp.MustCompile(`^Test[A-Z0-9]\w*$`)
	yamlProblem  = regexp.MustCompile(`line (\d+): (.*)`)
	unknownField = regexp.MustCompile(`field (\S+) not found in type course\.(\w+)`)
)

// Load reads the catalogues below root: the chapter.yaml of every folder directly in it. Unknown and missing fields and ids
// that don't follow the scheme are errors, all of them at once, each with file:line and what to do.
func Load(root string) (*Course, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("load the course: %w", err)
	}
	// An overlay silently ignores paths that go through a symbolic link, so there must be none from here on.
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("load the course: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(escapeGlob(root), "*", CatalogueFile))
	if err != nil {
		return nil, fmt.Errorf("load the course: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("load the course: no folder in %s has a %s: is this the workshop's folder?", root, CatalogueFile)
	}
	c := &Course{Root: root, Scratch: os.Getenv(scratch.EnvDir)}
	if c.Scratch == "" {
		c.Scratch = filepath.Join(root, ".workshop")
	}
	var problems []error
	for _, file := range files {
		chapter, found, err := loadChapter(root, file)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			problems = append(problems, p)
		}
		c.Chapters = append(c.Chapters, chapter)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("the catalogue has mistakes:\n%w", err)
	}
	return c, nil
}

func loadChapter(root, file string) (Chapter, []Problem, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Chapter{}, nil, fmt.Errorf("load the course: %w", err)
	}
	dir := filepath.Base(filepath.Dir(file))
	check := &checker{file: dir + "/" + CatalogueFile}
	var entry chapterEntry
	var lines yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	err = decoder.Decode(&entry)
	if err == nil {
		err = yaml.Unmarshal(content, &lines)
	}
	if err != nil {
		check.yamlError(err)
		return Chapter{}, check.problems, nil
	}
	chapter := entry.chapter(root, dir, &lines)
	check.chapter(chapter)
	return chapter, check.problems, nil
}

// chapter turns an entry into a chapter that knows where its parts are written.
func (entry chapterEntry) chapter(root, dir string, lines *yaml.Node) Chapter {
	chapter := Chapter{ID: entry.ID, Dir: dir, Title: entry.Title, Minutes: entry.Minutes, Rows: entry.Rows}
	exercises := items(lines, "exercises")
	for i, e := range entry.Exercises {
		exercise := Exercise{
			ID: e.ID, Chapter: dir, Dir: e.Dir, File: e.File, Title: e.Title, Minutes: e.Minutes,
			Needs: e.Needs, Rows: e.Rows, root: root, line: exercises[i].Line,
		}
		mistakes := items(exercises[i], "mistakes")
		for j, m := range e.Mistakes {
			exercise.Mistakes = append(exercise.Mistakes,
				Mistake{Name: m.Name, Claim: m.Claim, Hint: m.Hint, line: mistakes[j].Line})
		}
		chapter.Exercises = append(chapter.Exercises, exercise)
	}
	return chapter
}

// items returns the items of a list in a mapping.
func items(n *yaml.Node, key string) []*yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1].Content
		}
	}
	return nil
}

// A checker collects what is wrong with one catalogue.
type checker struct {
	file     string
	problems []Problem
}

func (c *checker) add(line int, format string, args ...any) {
	c.problems = append(c.problems, Problem{File: c.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// yamlError turns the decoder's words into ours; it knows lines, but names our types instead of what is allowed.
func (c *checker) yamlError(err error) {
	found := false
	for line := range strings.Lines(err.Error()) {
		m := yamlProblem.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		found = true
		var number int
		fmt.Sscan(m[1], &number) // digits only
		text := m[2]
		if u := unknownField.FindStringSubmatch(text); u != nil {
			text = fmt.Sprintf("there is no field %q here; the fields are %s", u[1], knownFields(u[2]))
		}
		c.add(number, "%s", text)
	}
	if !found {
		c.add(0, "%v", err)
	}
}

func knownFields(entry string) string {
	return map[string]string{
		"chapterEntry":  "id, title, minutes, rows, exercises",
		"exerciseEntry": "id, dir, file, title, minutes, needs, rows, mistakes",
		"mistakeEntry":  "name, claim, hint",
	}[entry]
}

func (c *checker) chapter(chapter Chapter) {
	m := chapterDir.FindStringSubmatch(chapter.Dir)
	switch {
	case m == nil:
		c.add(0, "the folder %q of a chapter must be named like 03-durability", chapter.Dir)
	case chapter.ID != m[1]:
		c.add(1, "id is %q, but the folder says %q: write id: %q", chapter.ID, m[1], m[1])
	}
	if chapter.Title == "" {
		c.add(1, "title is missing: write title: Durability")
	}
	if chapter.Minutes <= 0 {
		c.add(1, "minutes is missing: how long does reading the lesson take?")
	}
	for i, e := range chapter.Exercises {
		c.exercise(chapter, i+1, e)
	}
}

func (c *checker) exercise(chapter Chapter, number int, e Exercise) {
	if want := fmt.Sprintf("%s/%d", chapter.ID, number); e.ID != want {
		c.add(e.line, "id is %q, but this is exercise %q: ids count from 1 without gaps", e.ID, want)
	}
	m := exerciseDir.FindStringSubmatch(e.Dir)
	if m == nil || m[1] != fmt.Sprint(number) {
		c.add(e.line, "dir is %q: it must begin with the exercise's number, like %d-hello", e.Dir, number)
	}
	if !learnerFile.MatchString(e.File) || strings.HasSuffix(e.File, "_test.go") || e.File == "todo.go" {
		c.add(e.line, "file is %q: it must be the Go file that the learner writes, like hello.go", e.File)
	}
	if e.Title == "" {
		c.add(e.line, "title is missing: write title: hello")
	}
	if e.Minutes <= 0 {
		c.add(e.line, "minutes is missing: how long does a learner take?")
	}
	for _, ability := range e.Needs {
		if !slices.Contains(broker.Abilities(), ability) {
			c.add(e.line, "needs: there is no ability %q; there are %v", ability, broker.Abilities())
		}
	}
	seen := map[string]bool{}
	for _, m := range e.Mistakes {
		c.mistake(m, seen)
	}
}

func (c *checker) mistake(m Mistake, seen map[string]bool) {
	if !mistakeName.MatchString(m.Name) {
		c.add(m.line, "name is %q: a mistake is named after its folder, in small letters and hyphens: channel-left-open", m.Name)
	}
	if seen[m.Name] {
		c.add(m.line, "there are two mistakes %q: rename one", m.Name)
	}
	seen[m.Name] = true
	if !claimName.MatchString(m.Claim) {
		c.add(m.line, "claim is %q: name the test that rejects the mistake, like TestNothingStaysOpen", m.Claim)
	}
	if m.Hint < 1 {
		c.add(m.line, "hint is %d: name the rung of HINTS.md that helps; 1 is the first", m.Hint)
	}
}

// escapeGlob makes filepath.Glob take a path literally. Windows has no escapes, and no such characters in most paths.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path
	}
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(path, `\$0`)
}

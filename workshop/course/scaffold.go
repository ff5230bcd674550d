package course

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// A Scaffold describes an exercise to be made by New.
type Scaffold struct {
	ID    string // "01/7": the chapter's next
	Name  string // small letters, digits and hyphens: "requeue"; folder 7-requeue, file requeue.go, package requeue
	Title string // "" is Name
}

//go:embed scaffold/*.tmpl
var scaffoldFiles embed.FS

var scaffoldTemplates = template.Must(template.ParseFS(scaffoldFiles, "scaffold/*.tmpl"))

// scaffoldMistakes are the names of a new exercise's mistakes; two are the least that an exercise may have.
var scaffoldMistakes = []string{"first-mistake", "second-mistake"}

// New makes a new exercise at the end of its chapter: its files, its entry in the catalogue, its link in the lesson. It
// returns the files that it made or changed, below the root. Nothing that exists is overwritten, and when something is in
// the way, nothing is made. Inspect finds nothing wrong with it; Verify says what to write.
func (c *Course) New(s Scaffold) ([]string, error) {
	plan, err := c.planScaffold(s)
	if err != nil {
		return nil, fmt.Errorf("new exercise %s: %w", s.ID, err)
	}
	files, err := plan.render(c.Root)
	if err != nil {
		return nil, fmt.Errorf("new exercise %s: %w", s.ID, err)
	}
	catalogue := path.Join(plan.Chapter, CatalogueFile)
	if files[catalogue], err = c.catalogueWith(plan); err != nil {
		return nil, fmt.Errorf("new exercise %s: %w", s.ID, err)
	}
	lesson := path.Join(plan.Chapter, "README.md")
	if files[lesson], err = c.lessonWith(plan, lesson); err != nil {
		return nil, fmt.Errorf("new exercise %s: %w", s.ID, err)
	}
	names := sortedNames(files)
	for _, name := range names {
		if err := writeFile(filepath.Join(c.Root, filepath.FromSlash(name)), files[name], 0o644); err != nil {
			return nil, fmt.Errorf("new exercise %s: %w", s.ID, err)
		}
	}
	return names, nil
}

// A scaffoldPlan is what the templates are filled with.
type scaffoldPlan struct {
	ID, Title, Chapter, Dir, File, Package, Func, Module string
	Mistakes                                             []string

	Place   string // of the file that is being rendered, below the root
	Mistake string // its name, in a mistake
}

func (c *Course) planScaffold(s Scaffold) (scaffoldPlan, error) {
	id, number, _ := strings.Cut(s.ID, "/")
	chapter, known := c.Chapter(id)
	if !known {
		return scaffoldPlan{}, fmt.Errorf("there is no chapter %q with a %s: write one first", id, CatalogueFile)
	}
	if next := fmt.Sprint(len(chapter.Exercises) + 1); number != next {
		return scaffoldPlan{}, fmt.Errorf("ids count without gaps: the next of chapter %s is %s/%s", id, id, next)
	}
	if !mistakeName.MatchString(s.Name) || s.Name[0] >= '0' && s.Name[0] <= '9' {
		return scaffoldPlan{}, fmt.Errorf("name %q: use small letters, digits and hyphens, and begin with a letter: requeue", s.Name)
	}
	mod, err := os.ReadFile(filepath.Join(c.Root, chapter.Dir, "go.mod"))
	if err != nil {
		return scaffoldPlan{}, err
	}
	module := modulePath.FindSubmatch(mod)
	if module == nil {
		return scaffoldPlan{}, fmt.Errorf("%s/go.mod names no module", chapter.Dir)
	}
	p := scaffoldPlan{
		ID: s.ID, Title: s.Title, Chapter: chapter.Dir, Dir: number + "-" + s.Name, Module: string(module[1]),
		Package: strings.ReplaceAll(s.Name, "-", ""), Mistakes: scaffoldMistakes,
	}
	p.File = p.Package + ".go"
	for word := range strings.SplitSeq(s.Name, "-") {
		p.Func += strings.ToUpper(word[:1]) + word[1:]
	}
	if p.Title == "" {
		p.Title = s.Name
	}
	return p, nil
}

// render returns the new exercise's files by their paths below the root. None may exist.
func (p scaffoldPlan) render(root string) (map[string][]byte, error) {
	exercise := path.Join(p.Chapter, p.Dir)
	solution := path.Join("solutions", exercise)
	templates := map[string]string{
		path.Join(exercise, p.File):               "learner.go.tmpl",
		path.Join(exercise, "todo.go"):            "todo.go.tmpl",
		path.Join(exercise, p.Package+"_test.go"): "test.go.tmpl",
		path.Join(exercise, "HINTS.md"):           "HINTS.md.tmpl",
		path.Join(solution, p.File):               "solution.go.tmpl",
		path.Join(solution, "skeleton", p.File):   "learner.go.tmpl",
	}
	for _, mistake := range p.Mistakes {
		templates[path.Join(solution, "mistakes", mistake, p.File)] = "mistake.go.tmpl"
	}
	files := map[string][]byte{}
	for place, name := range templates {
		p.Place, p.Mistake = place, path.Base(path.Dir(place))
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(place))); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already: move it away", place)
		}
		content, err := p.fill(name)
		if err != nil {
			return nil, err
		}
		files[place] = content
	}
	return files, nil
}

func (p scaffoldPlan) fill(name string) ([]byte, error) {
	var b bytes.Buffer
	if err := scaffoldTemplates.ExecuteTemplate(&b, name, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// catalogueWith returns the chapter's catalogue with the new exercise after the last one. Comments and form stay.
func (c *Course) catalogueWith(p scaffoldPlan) ([]byte, error) {
	file := filepath.Join(c.Root, p.Chapter, CatalogueFile)
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	entry, err := p.fill("entry.yaml.tmpl")
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	at, indent := len(lines), "  "
	if exercises := items(&document, "exercises"); len(exercises) > 0 {
		at = lastLine(exercises[len(exercises)-1])
		indent = strings.Repeat(" ", max(exercises[0].Column-3, 0))
	} else {
		for i, line := range lines { // a chapter's first exercise
			if strings.HasPrefix(line, "exercises:") {
				lines[i], at = "exercises:", i+1
			}
		}
	}
	added := strings.Split(strings.TrimRight(string(entry), "\n"), "\n")
	for i := range added {
		added[i] = indent + added[i]
	}
	lines = append(lines[:at:at], append(added, lines[at:]...)...)
	content = []byte(strings.Join(lines, "\n") + "\n")
	var chapter chapterEntry
	if err := yaml.Unmarshal(content, &chapter); err != nil || len(chapter.Exercises) == 0 ||
		chapter.Exercises[len(chapter.Exercises)-1].ID != p.ID {
		return nil, fmt.Errorf("%s/%s has a form that can't be extended: write its exercises as a list of - id: …, one field a line",
			p.Chapter, CatalogueFile)
	}
	return content, nil
}

func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, child := range n.Content {
		line = max(line, lastLine(child))
	}
	return line
}

// lessonWith returns the lesson with a link to the new exercise at its end. A lesson that isn't there is begun.
func (c *Course) lessonWith(p scaffoldPlan, lesson string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(lesson)))
	if errors.Is(err, fs.ErrNotExist) {
		content, err = []byte("# "+p.Chapter+"\n"), nil
	}
	if err != nil {
		return nil, err
	}
	link := fmt.Sprintf("\nExercise [%s %s](%s/%s): write its part of the lesson here.\n", p.ID, p.Title, p.Dir, p.File)
	return append(bytes.TrimRight(content, "\n"), "\n"+link...), nil
}

// Package course is the workshop's course as data: its catalogue, its exercises, the judging of what a learner wrote, and
// the proof that the course judges rightly. It starts no broker and draws no screen.
package course

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"warren.example/workshop/broker"
)

// A Course is what the catalogues say: all chapters in order.
type Course struct {
	// Root is the project's folder: absolute, free of symbolic links.
	Root string
	// Scratch is the folder for what the workshop keeps: verdicts, progress, backups.
	Scratch string
	// Chapters are in the order of their folders: 01-basics, 02-exchanges …
	Chapters []Chapter
}

// A Chapter is one folder with a chapter.yaml.
type Chapter struct {
	ID        string     `json:"id"`      // "01"
	Dir       string     `json:"dir"`     // "01-basics"
	Title     string     `json:"title"`   // "Basics"
	Minutes   int        `json:"minutes"` // for reading the lesson
	Rows      []int      `json:"rows"`    // rows of requirements.md that the chapter covers
	Exercises []Exercise `json:"exercises"`
}

// An Exercise is one package of a chapter with one file for the learner.
type Exercise struct {
	ID       string           `json:"id"`      // "01/1"
	Chapter  string           `json:"chapter"` // "01-basics"
	Dir      string           `json:"dir"`     // "1-hello"
	File     string           `json:"file"`    // "hello.go"
	Title    string           `json:"title"`   // "hello"
	Minutes  int              `json:"minutes"` // for solving it
	Needs    []broker.Ability `json:"needs"`   // what its broker must be able to do
	Rows     []int            `json:"rows"`    // rows of requirements.md
	Mistakes []Mistake        `json:"mistakes"`

	root string // of the course
	line int    // in chapter.yaml, for messages
}

// A Mistake is a complete, plausible, wrong solution, and the test that must reject it.
type Mistake struct {
	Name  string `json:"name"`  // its folder below mistakes/: "channel-left-open"
	Claim string `json:"claim"` // the test that rejects it: "TestNothingStaysOpen"
	Hint  int    `json:"hint"`  // the rung of HINTS.md that helps who made it; 1 is the first

	line int // in chapter.yaml, for messages
}

// ErrUnknown is wrapped by the errors of Exercise and Select when nothing has that id.
var ErrUnknown = errors.New("no such exercise")

// Exercises returns all exercises in order.
func (c *Course) Exercises() []Exercise {
	var all []Exercise
	for _, chapter := range c.Chapters {
		all = append(all, chapter.Exercises...)
	}
	return all
}

// Exercise returns the exercise with an id such as "01/1". The error wraps ErrUnknown and says which ids there are.
func (c *Course) Exercise(id string) (Exercise, error) {
	for _, e := range c.Exercises() {
		if e.ID == id {
			return e, nil
		}
	}
	return Exercise{}, c.unknown(id)
}

// Select returns the exercises that a learner names: "" is all, "03" and "03-durability" a chapter, "03/2" and the path
// "03-durability/2-acks" one exercise. The error wraps ErrUnknown and says which ids there are.
func (c *Course) Select(selection string) ([]Exercise, error) {
	selection = strings.Trim(filepath.ToSlash(selection), "/")
	selection = strings.TrimPrefix(selection, "./")
	if selection == "" || selection == "." {
		return c.Exercises(), nil
	}
	for _, chapter := range c.Chapters {
		if selection == chapter.ID || selection == chapter.Dir {
			return chapter.Exercises, nil
		}
	}
	for _, e := range c.Exercises() {
		if selection == e.ID || selection == e.Path() {
			return []Exercise{e}, nil
		}
	}
	return nil, c.unknown(selection)
}

// After returns the exercise that follows id in the course, and whether there is one.
func (c *Course) After(id string) (Exercise, bool) {
	all := c.Exercises()
	for i, e := range all {
		if e.ID == id && i+1 < len(all) {
			return all[i+1], true
		}
	}
	return Exercise{}, false
}

// Chapter returns the chapter with an id such as "01" or a folder such as "01-basics", and whether there is one.
func (c *Course) Chapter(id string) (Chapter, bool) {
	for _, chapter := range c.Chapters {
		if id == chapter.ID || id == chapter.Dir {
			return chapter, true
		}
	}
	return Chapter{}, false
}

func (c *Course) unknown(selection string) error {
	var ids []string
	for _, chapter := range c.Chapters {
		for _, e := range chapter.Exercises {
			ids = append(ids, e.ID)
		}
	}
	return fmt.Errorf("%q: %w; there are %s", selection, ErrUnknown, strings.Join(ids, " "))
}

// Path returns the exercise's folder below the root, with slashes: "01-basics/1-hello".
func (e Exercise) Path() string { return path.Join(e.Chapter, e.Dir) }

// Folder returns the exercise's folder.
func (e Exercise) Folder() string { return filepath.Join(e.root, e.Chapter, e.Dir) }

// LearnerFile returns the file that the learner writes.
func (e Exercise) LearnerFile() string { return filepath.Join(e.Folder(), e.File) }

// HintsFile returns the exercise's HINTS.md.
func (e Exercise) HintsFile() string { return filepath.Join(e.Folder(), "HINTS.md") }

// LessonFile returns the README.md of the exercise's chapter.
func (e Exercise) LessonFile() string { return filepath.Join(e.root, e.Chapter, "README.md") }

// SolutionFile returns the solution.
func (e Exercise) SolutionFile() string { return filepath.Join(e.solutions(), e.File) }

// SkeletonFile returns the pristine skeleton: what the learner's file was before the learner touched it.
func (e Exercise) SkeletonFile() string { return filepath.Join(e.solutions(), "skeleton", e.File) }

// MistakeFile returns the file of a mistake.
func (e Exercise) MistakeFile(name string) string {
	return filepath.Join(e.solutions(), "mistakes", name, e.File)
}

func (e Exercise) solutions() string { return filepath.Join(e.root, "solutions", e.Chapter, e.Dir) }

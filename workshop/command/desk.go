package command

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"warren.example/workshop/course"
	"warren.example/workshop/scratch"
)

// A desk is what lies before a learner: the course, and what is done of it.
type desk struct {
	course   *course.Course
	progress *course.Progress
}

// openDesk reads catalogue and progress.
func (c *console) openDesk() (*desk, error) {
	root, err := scratch.Root()
	if err != nil {
		return nil, err
	}
	catalogue, err := course.Load(root)
	if err != nil {
		return nil, err
	}
	progress, note, err := catalogue.OpenProgress()
	if err != nil {
		return nil, err
	}
	if note != "" {
		c.remark(note)
	}
	return &desk{course: catalogue, progress: progress}, nil
}

// selected returns the exercises that a learner names by id, chapter or folder. Without a name they are those of the
// working folder, all of them in the root.
func (d *desk) selected(name string) ([]course.Exercise, error) {
	if name == "" {
		return d.course.Select(d.here("."))
	}
	exercises, err := d.course.Select(name)
	if err == nil {
		return exercises, nil
	}
	if folder := d.here(name); folder != "" {
		if exercises, err := d.course.Select(folder); err == nil {
			return exercises, nil
		}
	}
	return nil, d.unknown(name, err)
}

// one returns the single exercise that a learner names. Without a name it is that of the working folder, else the first
// open one.
func (d *desk) one(name string) (course.Exercise, error) {
	exercises, err := d.selected(name)
	switch {
	case err != nil:
		return course.Exercise{}, err
	case len(exercises) == 1:
		return exercises[0], nil
	case len(exercises) == 0:
		return course.Exercise{}, errors.New("the course has no exercises yet")
	case name != "":
		return course.Exercise{}, usagef("%s has %d exercises: name one of them, such as %s",
			name, len(exercises), exercises[0].ID)
	}
	if open, ok := d.progress.Open(exercises); ok {
		return open, nil
	}
	return exercises[len(exercises)-1], nil
}

// here returns a folder, given below the working folder, as a path below the root that is an exercise's or a chapter's;
// in a folder inside an exercise it is the exercise's. It is "" elsewhere.
func (d *desk) here(folder string) string {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return ""
	}
	below, err := filepath.Rel(d.course.Root, folder)
	if err != nil || below == "." || strings.HasPrefix(below, "..") {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(below), "/")
	for length := min(2, len(parts)); length > 0; length-- {
		path := strings.Join(parts[:length], "/")
		if _, err := d.course.Select(path); err == nil {
			return path
		}
	}
	return ""
}

// unknown is err, with the id that was probably meant instead of all ids, if there is one. For a number that doesn't exist
// none is guessed: the ones that do are listed.
func (d *desk) unknown(name string, err error) error {
	if !errors.Is(err, course.ErrUnknown) {
		return err
	}
	if m := numbered.FindStringSubmatch(name); m != nil {
		return usageError{err: errors.New(d.unknownNumber(m[1], m[2])), see: "list"}
	}
	meant := map[string]string{} // what may be typed for an exercise → its id
	for _, e := range d.course.Exercises() {
		for _, known := range []string{e.ID, e.Path(), e.Dir, e.Title} {
			meant[known] = e.ID
		}
	}
	text := fmt.Sprintf("there is no exercise %q", name)
	if known, ok := nearest(name, slices.Sorted(maps.Keys(meant))); ok {
		text += ". Did you mean " + meant[known] + "?"
	}
	return usageError{err: errors.New(text), see: "list"}
}

// numbered is what names a chapter or an exercise by number: "3", "03", "03/2".
var numbered = regexp.MustCompile(`^(\d+)(?:/(\d+))?/?$`)

// unknownNumber says which numbers there are instead of a chapter's or an exercise's that doesn't exist. The exercise is
// "" where only a chapter was named.
func (d *desk) unknownNumber(chapter, exercise string) string {
	typed, padded := chapter, fmt.Sprintf("%02s", chapter)
	known, exists := d.course.Chapter(padded)
	if exercise == "" || !exists {
		var ids []string
		for _, c := range d.course.Chapters {
			ids = append(ids, c.ID)
		}
		text := fmt.Sprintf("there is no chapter %s; there are %s", typed, strings.Join(ids, " "))
		if exists {
			text += ". Did you mean " + padded + "?"
		}
		return text
	}
	typed, padded = chapter+"/"+exercise, padded+"/"+strings.TrimLeft(exercise, "0")
	var ids []string
	for _, e := range known.Exercises {
		if e.ID == padded {
			return fmt.Sprintf("there is no exercise %q. Did you mean %s?", typed, padded)
		}
		ids = append(ids, e.ID)
	}
	return fmt.Sprintf("there is no exercise %s; chapter %s has %s", typed, known.ID, strings.Join(ids, " "))
}

// folderForUser returns a path below the working folder where that is shorter, else as it is.
func folderForUser(path string) string {
	working, err := os.Getwd()
	if err != nil {
		return path
	}
	if below, err := filepath.Rel(working, path); err == nil && len(below) < len(path) {
		return below
	}
	return path
}

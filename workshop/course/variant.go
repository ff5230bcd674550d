package course

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Kind says whose file is judged.
type Kind string

// The kinds.
const (
	Learner  Kind = "learner"  // what lies in the exercise's folder; nothing is swapped
	Skeleton Kind = "skeleton" // the pristine skeleton
	Solution Kind = "solution"
	Wrong    Kind = "mistake"
)

// A Variant is an exercise with one of its files in the learner's place.
type Variant struct {
	Exercise Exercise
	Kind     Kind
	Mistake  string // the name of the mistake, for Wrong
}

// Variants returns what a verification judges of the exercise: the pristine skeleton, the solution, each mistake.
func (e Exercise) Variants() []Variant {
	variants := []Variant{{Exercise: e, Kind: Skeleton}, {Exercise: e, Kind: Solution}}
	for _, m := range e.Mistakes {
		variants = append(variants, Variant{Exercise: e, Kind: Wrong, Mistake: m.Name})
	}
	return variants
}

// String returns "01/1 solution", or "01/1 channel-left-open" for a mistake.
func (v Variant) String() string {
	if v.Kind == Wrong {
		return v.Exercise.ID + " " + v.Mistake
	}
	return v.Exercise.ID + " " + string(v.Kind)
}

// File returns the file that is judged.
func (v Variant) File() string {
	switch v.Kind {
	case Skeleton:
		return v.Exercise.SkeletonFile()
	case Solution:
		return v.Exercise.SolutionFile()
	case Wrong:
		return v.Exercise.MistakeFile(v.Mistake)
	}
	return v.Exercise.LearnerFile()
}

// replace returns what is swapped in the exercise's folder: the judged file for the learner's, and nothing for files that
// the learner added.
func (v Variant) replace() map[string]string {
	if v.Kind == Learner {
		return nil
	}
	swap := map[string]string{v.Exercise.File: v.File()}
	for _, extra := range v.Exercise.extraFiles() {
		swap[extra] = ""
	}
	return swap
}

// content returns a hash of the judged file and the exercise's tests: work is done when its present content has passed
// the present tests.
func (v Variant) content() (string, error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(v.Exercise.Folder()), "*.go"))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, file := range append(files, v.File()) {
		name := filepath.Base(file)
		if file != v.File() && !strings.HasSuffix(name, "_test.go") && (v.Kind != Learner || name == v.Exercise.File) {
			continue
		}
		content, err := os.ReadFile(file)
		if file == v.Exercise.LearnerFile() && errors.Is(err, fs.ErrNotExist) {
			return "", &missingError{v.Exercise, err}
		}
		if err != nil {
			return "", fmt.Errorf("judge %s: %w", v, err)
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(content))
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

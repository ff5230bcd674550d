package course

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
)

// Diff returns the difference from the learner's file to the solution in unified form, "" when there is none.
func (e Exercise) Diff() (string, error) {
	mine, err := os.ReadFile(e.LearnerFile())
	if err != nil {
		return "", fmt.Errorf("your file of %s: %w", e.ID, err)
	}
	solution, err := os.ReadFile(e.SolutionFile())
	if err != nil {
		return "", fmt.Errorf("solution of %s: %w", e.ID, err)
	}
	diff, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(mine), FromFile: path.Join(e.Path(), e.File),
		B: lines(solution), ToFile: path.Join("solutions", e.Path(), e.File),
		Context: 3,
	})
	if err != nil {
		return "", fmt.Errorf("compare %s: %w", e.ID, err)
	}
	return diff, nil
}

// lines splits a text into lines that end in a newline, the last one included, whatever its line ends were.
func lines(content []byte) []string {
	text := strings.TrimRight(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	split := strings.Split(text, "\n")
	for i := range split {
		split[i] += "\n"
	}
	return split
}

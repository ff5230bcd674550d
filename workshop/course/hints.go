package course

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Rung is one step of an exercise's ladder of hints.
type Rung struct {
	Number int    `json:"number"` // 1 is the first
	Title  string `json:"title"`  // "Nudge: when may RabbitMQ forget a message?"
	Text   string `json:"text"`   // Markdown
}

var (
	rungForm  = regexp.MustCompile(`(?s)<details[^>]*>\s*<summary>(.*?)</summary>(.*?)</details>`)
	rungTitle = regexp.MustCompile(`^(\d+)[.:]?\s+(\S.*)$`)
	htmlTag   = regexp.MustCompile(`<[^>]*>`)

	testInTitle = regexp.MustCompile(`\bTest\w+`)
)

// Hints returns the rungs of the exercise's HINTS.md, in order. Each is
//
//	<details><summary>1 Nudge: …</summary>
//
//	text
//
//	</details>
//
// and they count from 1 without gaps.
func (e Exercise) Hints() ([]Rung, error) {
	content, err := os.ReadFile(e.HintsFile())
	if err != nil {
		return nil, fmt.Errorf("hints of %s: %w", e.ID, err)
	}
	var rungs []Rung
	for i, m := range rungForm.FindAllStringSubmatch(string(content), -1) {
		summary := strings.Join(strings.Fields(htmlTag.ReplaceAllString(m[1], "")), " ")
		t := rungTitle.FindStringSubmatch(summary)
		if t == nil || t[1] != strconv.Itoa(i+1) {
			return nil, fmt.Errorf(`hints of %s: the summary %q of rung %d must begin with its number: "%d Nudge: …"`,
				e.ID, summary, i+1, i+1)
		}
		rungs = append(rungs, Rung{Number: i + 1, Title: t[2], Text: strings.Trim(m[2], "\r\n")})
	}
	if len(rungs) == 0 {
		return nil, fmt.Errorf("hints of %s: HINTS.md has no rung: <details><summary>1 Nudge: …</summary> … </details>", e.ID)
	}
	return rungs, nil
}

// RungFor returns the lowest rung that helps who fails the test: by the catalogue, or else the first whose title names
// the test. 0 means that there is none.
func (e Exercise) RungFor(test string) int {
	rung := 0
	for _, m := range e.Mistakes {
		if m.Claim == test && (rung == 0 || m.Hint < rung) {
			rung = m.Hint
		}
	}
	if rung > 0 {
		return rung
	}
	rungs, err := e.Hints()
	if err != nil {
		return 0 // Hints says what is wrong with them
	}
	for _, r := range rungs {
		if slices.Contains(testInTitle.FindAllString(r.Title, -1), test) {
			return r.Number
		}
	}
	return 0
}

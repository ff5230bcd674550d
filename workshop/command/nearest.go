package command

import "strings"

// nearest returns which of the known words was probably meant by a mistyped one, and whether any is near enough: at most
// two letters away, and fewer than the word has.
func nearest(typed string, known []string) (string, bool) {
	best, distance := "", 3
	for _, word := range known {
		if n := edits(strings.ToLower(typed), strings.ToLower(word)); n < min(distance, len(word)) {
			best, distance = word, n
		}
	}
	return best, best != ""
}

// edits returns how many letters must be inserted, deleted or replaced to make b of a (Levenshtein's distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := diagonal
			if a[i-1] != b[j-1] {
				replaced++
			}
			diagonal = row[j]
			row[j] = min(replaced, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

package course

import "fmt"

// A Problem is something wrong with the course itself.
type Problem struct {
	File string `json:"file"` // below the root, with slashes
	Line int    `json:"line"` // 0 when it is about the whole file
	Text string `json:"text"` // what is wrong, and what to do
}

// String returns "01-basics/chapter.yaml:12: …".
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Error implements the error interface.
func (p Problem) Error() string { return p.String() }

package course

import (
	"fmt"
	"slices"
	"strings"
)

// A Row is one line of the table of a verification: one variant on one broker, or one package of the machinery.
type Row struct {
	Exercise string   `json:"exercise,omitempty"` // "01/1"; "" for a package
	Kind     Kind     `json:"kind,omitempty"`     // "skeleton", "solution", "mistake"
	Mistake  string   `json:"mistake,omitempty"`  // its name
	Package  string   `json:"package,omitempty"`  // import path, for machinery and demos
	Broker   string   `json:"broker,omitempty"`   // on which it was judged
	Status   Status   `json:"status"`             // "passed", "failed", "skipped"
	Why      []string `json:"why,omitempty"`      // what is wrong, and what was skipped for want of what, a sentence each
	Passed   int      `json:"passed"`             // what it adds to the sum line
	Failed   int      `json:"failed"`
	Skipped  int      `json:"skipped"`
	Lucky    bool     `json:"lucky,omitempty"` // a mistake that was caught in two of three runs
	Kept     bool     `json:"kept"`            // from an earlier run that judged the same on the same broker
	Seconds  float64  `json:"seconds"`
	Verdict  *Verdict `json:"verdict,omitempty"` // of a variant

	order int // place in the table
}

// name is the variant's or the package's.
func (r Row) name() string {
	switch {
	case r.Exercise == "":
		return r.Package
	case r.Mistake != "":
		return r.Exercise + " " + r.Mistake
	}
	return r.Exercise + " " + string(r.Kind)
}

// String returns the row in one line, and a line more for each thing that is wrong or skipped.
func (r Row) String() string {
	how := fmt.Sprintf("%.1f s", r.Seconds)
	if r.Kept {
		how = "kept"
	}
	line := strings.TrimRight(fmt.Sprintf("%-44s %-8s %-7s %s", r.name(), r.Status, how, r.Broker), " ")
	for _, why := range r.Why {
		line += "\n    " + why
	}
	return line
}

// A Report is the outcome of a verification. Its JSON form is stable: fields are added, never renamed.
//
// Every variant on every broker counts as one passed or failed, every problem of the catalogue as one failed, every test
// of the machinery as one. What is skipped is counted one by one, and each says what it needed.
type Report struct {
	Problems []Problem `json:"problems"` // what Inspect found
	Rows     []Row     `json:"rows"`
	Notes    []string  `json:"notes"` // what a reader must know: a stand-in judged, no race detector …
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Skipped  int       `json:"skipped"`
	Kept     int       `json:"kept"` // rows that were taken from earlier runs
	Seconds  float64   `json:"seconds"`
}

// OK reports whether nothing failed and something passed.
func (r *Report) OK() bool { return r.Failed == 0 && r.Passed > 0 }

// Sum returns "N passed, N failed, N skipped".
func (r *Report) Sum() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.Passed, r.Failed, r.Skipped)
}

// String draws the report: what is wrong, what was skipped, the table, the notes, and once more in a line each what failed,
// because a CI often shows the end of a log only. The last line is the sum.
func (r *Report) String() string {
	var b strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintln(&b, p)
	}
	for _, row := range r.Rows {
		if row.Status == Failed || row.Skipped > 0 || row.Lucky {
			fmt.Fprintln(&b, row)
		}
	}
	if b.Len() > 0 {
		fmt.Fprintln(&b)
	}
	r.table(&b)
	for _, note := range r.Notes {
		fmt.Fprintln(&b, note)
	}
	r.failures(&b)
	fmt.Fprintln(&b, r.Sum())
	return b.String()
}

// failures names what failed, a line each, and before it what was seen by luck.
func (r *Report) failures(b *strings.Builder) {
	for _, row := range r.Rows {
		if row.Lucky {
			fmt.Fprintf(b, "by luck: %s on %s: %s\n", row.name(), row.Broker, row.Why[len(row.Why)-1])
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintln(b, "failed:", p)
	}
	for _, row := range r.Rows {
		if row.Status != Failed {
			continue
		}
		where := ""
		if row.Broker != "" {
			where = " on " + row.Broker
		}
		for _, why := range row.Why[:min(row.Failed, len(row.Why))] { // what was skipped stands behind
			why, _, _ = strings.Cut(why, "\n")
			fmt.Fprintf(b, "failed: %s%s: %s\n", row.name(), where, why)
		}
	}
}

// table draws a line per exercise and broker, and a line for the machinery.
func (r *Report) table(b *strings.Builder) {
	type line struct{ exercise, broker string }
	var lines []line
	for _, row := range r.Rows {
		l := line{row.Exercise, row.Broker}
		if row.Exercise != "" && !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "%-10s %-10s %-10s %-16s %s\n", "exercise", "skeleton", "solution", "mistakes caught", "broker")
	}
	for _, l := range lines {
		cells := map[Kind]string{}
		caught, mistakes := 0, 0
		for _, row := range r.Rows {
			switch {
			case row.Exercise != l.exercise || row.Broker != l.broker:
			case row.Kind == Wrong:
				mistakes++
				if row.Status == Passed {
					caught++
				}
			default:
				cells[row.Kind] = string(row.Status)
			}
		}
		known := "-"
		if mistakes > 0 {
			known = fmt.Sprintf("%d of %d", caught, mistakes)
		}
		text := fmt.Sprintf("%-10s %-10s %-10s %-16s %s", l.exercise, cells[Skeleton], cells[Solution], known, l.broker)
		fmt.Fprintln(b, strings.TrimRight(text, " "))
	}
	if counts := r.counts(); counts != "" {
		fmt.Fprintln(b, counts)
	}
}

// counts says how many variants and how many tests of the machinery there were.
func (r *Report) counts() string {
	kinds := map[Kind]int{}
	seen, brokers := map[string]bool{}, map[string]bool{}
	packages, tests := 0, 0
	for _, row := range r.Rows {
		if row.Exercise != "" {
			brokers[row.Broker] = true
			if name := row.name(); !seen[name] {
				seen[name] = true
				kinds[row.Kind]++
			}
			continue
		}
		packages++
		tests += row.Passed + row.Failed + row.Skipped
	}
	var parts []string
	if n := kinds[Skeleton] + kinds[Solution] + kinds[Wrong]; n > 0 {
		parts = append(parts, plural(kinds[Skeleton], "skeleton"), plural(kinds[Solution], "solution"))
		if kinds[Wrong] > 0 {
			parts = append(parts, plural(kinds[Wrong], "mistake"))
		}
		if len(brokers) > 1 {
			parts[len(parts)-1] += fmt.Sprintf(", each on %d brokers", len(brokers))
		}
		if r.Kept > 0 {
			parts = append(parts, fmt.Sprintf("%s kept from earlier runs", plural(r.Kept, "verdict")))
		}
	}
	if packages > 0 {
		parts = append(parts, fmt.Sprintf("machinery: %s in %s", plural(tests, "check"), plural(packages, "package")))
	}
	return strings.Join(parts, ", ")
}

// add takes a row in.
func (r *Report) add(row Row) {
	r.Rows = append(r.Rows, row)
	r.Passed += row.Passed
	r.Failed += row.Failed
	r.Skipped += row.Skipped
	if row.Kept {
		r.Kept++
	}
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

package transcript

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Report collects what became of all scripts. Its zero value is ready; it may be used by several goroutines.
type Report struct {
	mu   sync.Mutex                        // guards what follows
	rows map[string]map[string]*Comparison // by broker and reference, then by script
}

// Add adds a comparison of a broker with a reference, both named for people: "minirabbit 4.0", "RabbitMQ 4.0.5".
func (r *Report) Add(broker, reference string, c Comparison) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = map[string]map[string]*Comparison{}
	}
	row := broker + " against " + reference
	if r.rows[row] == nil {
		r.rows[row] = map[string]*Comparison{}
	}
	r.rows[row][c.Script.String()] = &c
}

// Unexplained is the number of scripts with a difference that nobody meant.
func (r *Report) Unexplained() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, row := range r.rows {
		for _, c := range row {
			if c.Problem != "" {
				n++
			}
		}
	}
	return n
}

// String is a line for each pair of brokers, then the reasons for differences that are meant, each with its scripts.
func (r *Report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var table strings.Builder
	reasons := map[string][]string{}
	for _, row := range slices.Sorted(maps.Keys(r.rows)) {
		meant, unexplained, again := 0, 0, 0
		for script, c := range r.rows[row] {
			if c.Problem != "" {
				unexplained++
			}
			if len(c.Earlier) > 0 {
				again++
			}
			if len(c.Meant) > 0 {
				meant++
			}
			for _, d := range c.Meant {
				reasons[d.Reason] = append(reasons[d.Reason], script)
			}
		}
		fmt.Fprintf(&table, "%-46s %d scripts, %d with differences that are meant, %d unexplained", row, len(r.rows[row]), meant, unexplained)
		if again > 0 {
			fmt.Fprintf(&table, ", %d run more than once", again)
		}
		table.WriteString("\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		scripts := reasons[reason]
		slices.Sort(scripts)
		fmt.Fprintf(&table, "meant: %s (%s)\n", reason, strings.Join(slices.Compact(scripts), ", "))
	}
	return table.String()
}

// Package double counts.
package double

// Double returns twice n.
func Double(n int) (int, error) { return 2 * n, nil }

// Package double counts.
package double

// Double returns twice n.
func Double(n int) (int, error) {
	// TODO(01/2): count.
	return 0, notDone
}

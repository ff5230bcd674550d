// Package wait waits.
package wait

import "context"

// Wait returns the error of ctx when ctx has ended.
func Wait(ctx context.Context) error {
	// TODO(02/1): wait.
	return notDone
}

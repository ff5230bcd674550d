// Package wait waits.
package wait

import "context"

// Wait returns the error of ctx when ctx has ended.
func Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Wait keeps the reason to itself. In production nobody knows why.
//
// want TestReturnsAfterCtx: "Wait() = <nil>"

package wait

import "context"

func Wait(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

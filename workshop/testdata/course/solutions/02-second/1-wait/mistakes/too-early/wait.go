// Wait does not wait. In production the door is still closed.
//
// want TestReturnsAfterCtx: "Wait() = too early"

package wait

import (
	"context"
	"errors"
)

func Wait(ctx context.Context) error { return errors.New("too early") }

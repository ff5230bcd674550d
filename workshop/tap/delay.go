package tap

import (
	"fmt"
	"time"
)

// Delay makes units arrive later, as a longer line does: what follows a late unit from the same side of the same
// connection stays behind it, and many units can be under way at once. A connection that ends before loses them.
type Delay struct {
	On Trigger
	By time.Duration
}

func (d Delay) String() string { return fmt.Sprintf("delay %s by %s", d.On, d.By) }

func (d Delay) on() Trigger { return d.On }

func (d Delay) strike(_ *Rule, u *unit) bool {
	u.delayUntil(u.leaves().Add(d.By))
	return true
}

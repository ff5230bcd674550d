package tap

import (
	"fmt"
	"time"
)

// Slow lets a side of each connection send no more than so many bytes in a second. A unit leaves when its last byte would
// have come through. When much is waiting the tap stops reading, so that the sender feels it.
type Slow struct {
	From           Side // 0: both
	BytesPerSecond int  // at least 1
}

func (s Slow) String() string {
	from := "either side"
	if s.From != 0 {
		from = s.From.String()
	}
	return fmt.Sprintf("slow down what comes from %s to %d bytes a second", from, s.BytesPerSecond)
}

func (s Slow) on() Trigger { return Trigger{Filter: Filter{From: s.From}} }

func (s Slow) strike(r *Rule, u *unit) bool {
	from, start := line{u.conn, u.event.From}, u.leaves()
	if free := r.free[from]; free.After(start) {
		start = free
	}
	took := time.Duration(len(u.raw)) * time.Second / time.Duration(max(s.BytesPerSecond, 1))
	if r.free == nil {
		r.free = map[line]time.Time{}
	}
	r.free[from] = start.Add(took)
	u.delayUntil(start.Add(took))
	return true
}

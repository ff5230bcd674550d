package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"warren.example/06-services/failpoint"
)

// outage is how long RabbitMQ is away while the service goes on: long enough to notice, and to fail at what was under way.
const outage = 300 * time.Millisecond

// arm starts the service of a fault anew so that the fault will happen, and returns what repairs it afterwards. The repair
// tells whether the fault has happened before ctx ended. Then the shop is as it was before.
func (h *house) arm(f fault) (repair func(ctx context.Context) (reached bool, err error), err error) {
	point := failpoint.Env + "=" + f.place + ":" + strconv.Itoa(f.hit)
	h.kill(f.service)
	if !f.broker {
		if err := h.start(f.service, point); err != nil {
			return nil, err
		}
		died := h.process(f.service).died
		return func(ctx context.Context) (bool, error) {
			select {
			case <-died:
				return true, h.start(f.service)
			case <-ctx.Done():
				h.kill(f.service)
				return false, h.start(f.service)
			}
		}, nil
	}
	flag := filepath.Join(h.folder, f.service+".paused")
	if err := h.start(f.service, point, failpoint.EnvFile+"="+flag); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (bool, error) {
		err := await(ctx, 5*time.Millisecond, func() bool {
			_, err := os.Stat(flag)
			return err == nil
		})
		if err != nil {
			h.kill(f.service)
			_ = os.Remove(flag) // it may have come this moment
			return false, h.start(f.service)
		}
		return true, h.breakBroker(f, flag)
	}, nil
}

// breakBroker kills RabbitMQ while the service of a fault stands at its place, and starts it again.
func (h *house) breakBroker(f fault, flag string) error {
	h.breaking.Lock()
	defer h.breaking.Unlock()
	h.broker.Kill()
	if !f.late {
		return errors.Join(h.broker.Restart(), os.Remove(flag))
	}
	err := os.Remove(flag)
	<-time.After(outage)
	return errors.Join(err, h.broker.Restart())
}

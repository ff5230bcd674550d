package partition_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/05-ordering/2-partition"
	"warren.example/workshop/lab"
	"warren.example/workshop/lab/child"
)

func TestMain(m *testing.M) { child.Main(m, beChild) }

// stuck is the variable that names the message whose handle hangs in the child.
const stuck = "WARREN_PARTITION_STUCK"

// beChild works, in a process that is killed.
func beChild(ctx context.Context, url string) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	return partition.Work(ctx, conn, 2, func(_ context.Context, d amqp.Delivery) error {
		fmt.Println(string(d.Body))
		if string(d.Body) == os.Getenv(stuck) {
			select {}
		}
		return nil
	})
}

func TestKilledProcessIsReplaced(t *testing.T) {
	const each = 4
	orders := orderIDs(6)
	s := newShop(t, 2)
	d := newDesk(s)
	hanging := "order-3.02"
	first := child.Start(t, s.lab, stuck+"="+hanging)
	s.lab.Soon(func() bool {
		return s.lab.Consumers(partition.Queue(0))+s.lab.Consumers(partition.Queue(1)) == 2 || first.Gone() || len(first.Said()) > 0
	})
	second, conn := s.works(d, "b", 2)
	s.publish(mixed(orders, each)...)
	hangs := s.lab.Soon(func() bool { return slices.Contains(first.Said(), hanging) || first.Gone() })
	err, _ := first.Ended()
	s.lab.Check(hangs && !first.Gone(), lab.Claim{
		Saw: fmt.Sprintf("a process works, and another one stands by. The first handled %q, and ended with %q; it should come to %s",
			first.Said(), err, hanging),
		Want: "the first one has all partitions",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Settle()
	s.lab.Check(len(d.hasBegun("b", "order-3")) == 0, lab.Claim{
		Saw:  fmt.Sprintf("a process handles %s, and another one, that stands by, has begun %q", hanging, d.hasBegun("b", "order-3")),
		Want: "one process handles a partition",
		Wire: s.story(),
		Read: read,
	})
	s.lab.Note("kill -9")

	first.Kill()

	of := func(order string) []string {
		var seen []string // each once, as they began
		for _, body := range append(first.Said(), d.hasBegun("b", "")...) {
			if strings.HasPrefix(body, order+".") && !slices.Contains(seen, body) {
				seen = append(seen, body)
			}
		}
		return seen
	}
	s.lab.Soon(func() bool {
		return !slices.ContainsFunc(orders, func(order string) bool { return len(of(order)) < each })
	})
	for _, order := range orders {
		s.lab.Check(slices.Equal(of(order), messages(order, each)), lab.Claim{
			Saw: fmt.Sprintf("the process that handled %s was killed, another one stood by; of %s were handled %q",
				hanging, order, of(order)),
			Want: "all, in their order",
			Why:  "a machine dies, and what it had in hand is lost, or comes behind what is newer",
			Wire: s.story(),
			Read: read,
		})
	}
	s.lab.Check(slices.Equal(d.hasBegun("b", "order-3"), messages("order-3", each)[1:]), lab.Claim{
		Saw: fmt.Sprintf("the process that handled %s was killed; the other one handled %q of that order",
			hanging, d.hasBegun("b", "order-3")),
		Want: "that one, which has no ack, and what comes behind it; order-3.01 was acked before " + hanging + " began",
		Why:  "half of the work is done and nobody does the rest; or what was done long ago is done again",
		Wire: s.story(),
		Read: read,
	})
	s.stops(second, conn)
}

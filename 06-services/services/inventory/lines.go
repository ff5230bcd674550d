package inventory

import (
	"fmt"
	"slices"
	"strings"

	"warren.example/06-services/events"
)

// A Reservation is what the inventory knows of an order's goods.
type Reservation struct {
	Order     string
	State     State
	Lines     []events.Line        // in the order of their SKU; none for a tombstone
	Rejection events.StockRejected // of a Rejected one
}

// sorted returns the lines of an order in the order of their SKU: two orders that lock the same products one after the other do
// it in the same order then, and don't wait for each other (PostgreSQL manual, 13.3.4 Deadlocks). A product that is there twice
// is ErrMalformed; events.Decode has seen that there are lines, and a quantity in each.
func sorted(lines []events.Line) ([]events.Line, error) {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(a, b events.Line) int { return strings.Compare(a.SKU, b.SKU) })
	for i, l := range lines {
		if i > 0 && lines[i-1].SKU == l.SKU {
			return nil, fmt.Errorf("%w: %.40q twice", events.ErrMalformed, l.SKU)
		}
		if err := checkKey("sku", l.SKU); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// checkKey refuses what can't be a key in the database: more than 200 bytes, or a zero byte, which PostgreSQL doesn't store.
func checkKey(what, key string) error {
	if len(key) > 200 || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w: %s %.40q", events.ErrMalformed, what, key)
	}
	return nil
}

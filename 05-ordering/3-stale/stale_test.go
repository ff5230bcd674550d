package stale_test

import (
	"fmt"
	"testing"
	"time"

	"warren.example/05-ordering/3-stale"
	"warren.example/workshop/lab"
)

func TestNewestStays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	why := "a change that waited in a retry queue overwrites a newer one: the shop sells at last week's price until the next change"
	s.must(lamp(1, 1999), why)
	s.must(lamp(4, 2499), "a price is whole without those before it: who waits for a lost one shows the old price for ever")
	s.must(lamp(2, 1799), why)
	s.must(lamp(3, 0), why)
	s.must(lamp(1<<62, 0), "0 is a price: the lamp is given away")
	s.must(lamp(4, 2499), why)
}

func TestClockDoesNotCount(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	why := "one machine's clock is five minutes fast: for five minutes every change from another one is thrown away"
	older, newer := lamp(1, 1999), lamp(2, 2499)
	older.At, newer.At = nine.Add(5*time.Minute), nine
	s.must(older, why)
	s.must(newer, why)
	s.must(older, "the clock that was fast wins again, hours later: the old price is back")
	same := lamp(3, 2999)
	same.At = newer.At
	s.must(same, "two changes within a millisecond: the second one is lost")
}

func TestSameAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	why := "each redelivery counts as a change: watchers are told again that the lamp got cheaper"
	s.must(lamp(2, 2499), why)
	s.must(lamp(2, 2499), why)
	other := lamp(2, 1)
	other.At = nine.Add(time.Hour)
	s.must(other, "two consumers get the two in different order, and show two prices")
	deleted := gone(2)
	s.must(deleted, why)
}

func TestDeletionIsAVersion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	late := "the shop sells what it doesn't have any more: a price that was under way brought the product back"
	s.must(lamp(1, 1999), late)
	s.must(gone(3), "the shop sells what it doesn't have any more")
	s.must(lamp(2, 1799), late)
	s.must(lamp(3, 1799), late)
	s.must(gone(3), late)
	s.must(gone(5), "the row says version 3, and a price of version 4 brings the product back")
	s.must(lamp(4, 1799), late)
	s.must(lamp(6, 2199), "the lamp is sold again, and the shop doesn't show it")
	s.must(gone(5), "a deletion that was under way takes a product off the shelf that is sold again")

	first := gone(2)
	first.SKU = "chair"
	s.must(first, "the deletion came before the price that it deletes, and is forgotten")
	first = lamp(1, 8900)
	first.SKU = "chair"
	s.must(first, late)
}

func TestSamePriceIsAVersion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	why := "the row says version 1, though version 3 was seen; then version 2 comes, and its price stays"
	s.must(lamp(1, 1999), why)
	s.must(lamp(3, 1999), why)
	s.must(lamp(2, 2499), why)
}

// Four changes in each of their 24 orders, and all of them a second time.
func TestEveryOrderEndsTheSame(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	changes := []stale.Change{lamp(1, 1999), lamp(2, 2499), gone(3), lamp(4, 0)}
	clock := []int{2, 0, 3, 1} // minutes after nine
	n := 0
	for order := range permutations(changes) {
		n++
		for i := range 2 * len(order) {
			c := order[i%len(order)]
			c.SKU = fmt.Sprintf("lamp-%d", n)
			c.At = nine.Add(time.Duration(clock[c.Version-1]) * time.Minute)
			s.must(c, "which price the shop shows depends on luck")
		}
	}
}

// permutations gives all orders of some changes, that of the changes first. An order must not be kept.
func permutations(changes []stale.Change) func(yield func([]stale.Change) bool) {
	order := append([]stale.Change(nil), changes...)
	var from func(i int, yield func([]stale.Change) bool) bool
	from = func(i int, yield func([]stale.Change) bool) bool {
		if i == len(order) {
			return yield(order)
		}
		for j := i; j < len(order); j++ {
			order[i], order[j] = order[j], order[i]
			more := from(i+1, yield)
			order[i], order[j] = order[j], order[i]
			if !more {
				return false
			}
		}
		return true
	}
	return func(yield func([]stale.Change) bool) { from(0, yield) }
}

func TestOtherProductsStay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	skus := []string{
		"lamp", "LAMP", "lamp ", "lamp%", "60'-lamp", "lamp' OR '1'='1", "lamp'); DROP TABLE prices; --", "ламп", "7", "07",
	}
	for i, sku := range skus {
		c := lamp(int64(20-i), int64(1000*(i+1))) // an older one than that of the product before
		c.SKU = sku
		s.must(c, "a SKU comes from elsewhere, and may be anything")
	}
	for _, sku := range skus {
		want := rowOf(s.told[sku].newest)
		s.lab.Check(s.row(sku) == want, lab.Claim{
			Saw:  fmt.Sprintf("the table has for %q %s", sku, s.row(sku)),
			Want: want.String(),
			Why:  "the change of one product has changed another one's price",
			Read: read,
		})
	}
}

func TestTableIsTheMemory(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	why := "after a restart, or beside a second instance, the program knows of nothing, and what is old looks new"
	s.must(lamp(1, 1999), why)
	s.put(lamp(5, 2499))
	s.must(lamp(4, 1799), why)
	s.must(lamp(6, 2999), why)
}

func TestBadChangeLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.must(lamp(2, 2499), "")
	for _, bad := range []struct {
		what   string
		change stale.Change
	}{
		{"an empty SKU", stale.Change{Version: 3, Price: 1999, At: nine}},
		{"version 0", stale.Change{SKU: "lamp", Price: 1999, At: nine}},
		{"version 0 of an unknown product", stale.Change{SKU: "chair", Price: 1999, At: nine}},
		{"version -1", stale.Change{SKU: "lamp", Version: -1, Price: 1999, At: nine}},
		{"version -1 of an unknown product", stale.Change{SKU: "chair", Version: -1, Price: 1999, At: nine}},
		{"version 0, deleted", stale.Change{SKU: "lamp", Deleted: true, At: nine}},
		{"price -1", lamp(3, -1)},
		{"price -1 of an old version", lamp(1, -1)},
	} {
		what := bad.what
		applied, err := s.apply(s.program, bad.change)
		claim := lab.Claim{
			Want: "an error, applied=false, and nothing changes",
			Why:  "the message is acked, nobody ever hears that the catalog sends nonsense, and the shop pays customers for lamps",
			Read: read,
		}
		claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and no error", what, applied)
		s.lab.Error(err, claim)
		claim.Saw = fmt.Sprintf("%s: Apply returned applied=%v and the error %v", what, applied, err)
		s.lab.Check(!applied, claim)
		var rows int
		if err := s.other.QueryRow("SELECT count(*) FROM prices").Scan(&rows); err != nil {
			s.lab.Failf("count the rows: %v", err)
		}
		claim.Saw = fmt.Sprintf("%s. The table has %d rows, and for lamp %s", what, rows, s.row("lamp"))
		s.lab.Check(rows == 1 && s.row("lamp") == rowOf(lamp(2, 2499)), claim)
	}
	s.must(lamp(3, 2599), "after a bad change good ones are lost")
}

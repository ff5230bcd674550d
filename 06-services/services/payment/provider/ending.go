package provider

// An ending is the last two digits of an amount in minor units.
type ending int64

const (
	declines    ending = 13
	neverTells  ending = 77
	losesAnswer ending = 99
	failsTwice  ending = 66
	neverPays   ending = 67
)

// State is what became of a charge or a refund.
type State string

// The states. A charge is Captured, Declined or Voided, a refund Refunded or Failed.
const (
	Captured State = "captured"
	Declined State = "declined"
	Voided   State = "voided"
	Refunded State = "refunded"
	Failed   State = "failed"
)

func endingOf(minor int64) ending { return ending(minor % 100) }

// charged says what becomes of a charge that nobody has voided.
func charged(minor int64) State {
	if endingOf(minor) == declines {
		return Declined
	}
	return Captured
}

// refunded says what becomes of a refund that is asked for the nth time, n being 1 at first.
func refunded(minor, n int64) State {
	switch e := endingOf(minor); {
	case e == failsTwice && n <= 2, e == neverPays:
		return Failed
	default:
		return Refunded
	}
}

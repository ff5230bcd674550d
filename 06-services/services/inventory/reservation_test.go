package inventory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/services/inventory"
)

var (
	states = []inventory.State{inventory.None, inventory.Reserved, inventory.Rejected, inventory.Released, inventory.Committed,
		inventory.Returned}
	commands = []inventory.Command{inventory.Reserve, inventory.Release, inventory.Commit, inventory.Return}
)

// What a state holds of each piece of an order, seen from the supply. A step must move just the difference.
var holds = map[inventory.State]inventory.Move{
	inventory.Reserved:  {Available: -1, Reserved: +1},
	inventory.Committed: {Available: -1, Sold: +1},
}

func TestEveryStepMovesWhatItsStatesHold(t *testing.T) {
	for _, s := range states {
		for _, c := range commands {
			step, ok := inventory.Decide(s, c)
			if !ok {
				continue
			}
			before, after := holds[s], holds[step.Next]
			require.Equal(t, inventory.Move{
				Available: after.Available - before.Available,
				Reserved:  after.Reserved - before.Reserved,
				Sold:      after.Sold - before.Sold,
			}, step.Move, "%q: %s", s, c)
		}
	}
}

func TestEveryPairHasItsAnswer(t *testing.T) {
	const refused = ""
	want := map[inventory.State][4]string{ // in the order of commands
		inventory.None:      {"stock.reserved", "stock.released", refused, "stock.returned"},
		inventory.Reserved:  {"stock.reserved", "stock.released", "stock.committed", "stock.returned"},
		inventory.Rejected:  {"stock.rejected", "stock.released", refused, "stock.returned"},
		inventory.Released:  {"stock.rejected", "stock.released", refused, "stock.returned"},
		inventory.Committed: {"stock.reserved", refused, "stock.committed", "stock.returned"},
		inventory.Returned:  {"stock.rejected", "stock.released", "stock.committed", "stock.returned"},
	}
	require.Len(t, want, len(states))
	for _, s := range states {
		for i, c := range commands {
			step, ok := inventory.Decide(s, c)
			require.Equal(t, want[s][i], step.Answer, "%q: %s", s, c)
			require.Equal(t, want[s][i] != refused, ok, "%q: %s", s, c)
		}
	}
}

func TestTheSameCommandAgainMovesNothingAndIsAnsweredAlike(t *testing.T) {
	for _, s := range states {
		for _, c := range commands {
			first, ok := inventory.Decide(s, c)
			if !ok {
				continue
			}
			again, ok := inventory.Decide(first.Next, c)
			require.True(t, ok, "%q: %s", s, c)
			require.Equal(t, inventory.Step{Next: first.Next, Answer: first.Answer}, again, "%q: %s", s, c)
		}
	}
}

func TestNothingLeadsBackToGoodsThatWereGivenUp(t *testing.T) {
	for _, s := range []inventory.State{inventory.Rejected, inventory.Released, inventory.Returned} {
		for _, c := range commands {
			if step, ok := inventory.Decide(s, c); ok {
				require.Equal(t, s, step.Next, "%q: %s", s, c)
			}
		}
	}
}

func TestAnUnknownCommandOrStateIsRefused(t *testing.T) {
	_, ok := inventory.Decide(inventory.Reserved, "stock.steal")
	require.False(t, ok)
	_, ok = inventory.Decide("stolen", inventory.Reserve)
	require.False(t, ok)
}

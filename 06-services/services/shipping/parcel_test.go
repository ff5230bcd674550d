package shipping

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryStateHasAnAnswerToEveryCause(t *testing.T) {
	states := []State{Unknown, Waiting, Picking, Moving, Stopped}
	require.Len(t, table, len(states))
	for _, s := range states {
		require.Len(t, table[s], 4, "%q", s)
		for c := Confirmed; c <= Moved; c++ {
			require.Contains(t, table[s], c, "%q", s)
			require.Contains(t, table, s.After(c), "%q", s)
		}
		if s != Moving {
			require.Equal(t, Stopped, s.After(Recalled), "what isn't packed can be stopped")
		}
		require.Equal(t, Stopped, Stopped.After(Confirmed), "the cancellation may come first")
	}
}

// Messages of one order in any order, each any number of times: what has become of the parcel hangs on few things only.
func TestParcelInAnyOrder(t *testing.T) {
	var walk func(s State, seen []Cause)
	walk = func(s State, seen []Cause) {
		recalled := false
		for _, c := range seen {
			recalled = recalled || c == Recalled
		}
		switch s {
		case Stopped:
			require.True(t, recalled, "%v", seen)
		case Moving:
			require.Subset(t, seen, []Cause{Confirmed, Picked, Moved})
		case Picking:
			require.False(t, recalled, "%v", seen)
			require.Subset(t, seen, []Cause{Confirmed, Picked})
		case Waiting:
			require.False(t, recalled, "%v", seen)
			require.Contains(t, seen, Confirmed)
		case Unknown:
			require.NotContains(t, seen, Confirmed)
		}
		if len(seen) == 6 {
			return
		}
		for c := Confirmed; c <= Moved; c++ {
			walk(s.After(c), append(seen[:len(seen):len(seen)], c))
		}
	}
	walk(Unknown, nil)
}

func TestTrackShowsTheWayWithoutGap(t *testing.T) {
	moves := func(numbers ...int) []Move {
		all := []Move{}
		for _, n := range numbers {
			all = append(all, Move{Number: n, Status: way[n-1]})
		}
		return all
	}
	for _, c := range []struct {
		came, shown []Move
		status      string
	}{
		{moves(), moves(), "picking"},
		{moves(1), moves(1), "packed"},
		{moves(2), moves(), "picking"},
		{moves(1, 3), moves(1), "packed"},
		{moves(2, 3), moves(), "picking"},
		{moves(1, 2, 3), moves(1, 2, 3), "delivered"},
	} {
		p := track("o-1", Picking, c.came)
		require.Equal(t, Parcel{Order: "o-1", Status: c.status, Moves: c.shown}, p)
	}
}

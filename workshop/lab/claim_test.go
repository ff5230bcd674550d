package lab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/lab"
)

func TestAClaimHasFiveLabels(t *testing.T) {
	t.Parallel()
	claim := lab.Claim{
		Saw:  "order-7 was acked before its handler returned; the handler died; order-7 is gone",
		Want: "order-7 is still in inventory.commands and is delivered again",
		Why:  "an ack tells RabbitMQ to forget: a paid order is never packed",
		Wire: "broker→you deliver tag=7 · you→broker ack tag=7 ← handler still running",
		Read: "01-basics/README.md#ack",
	}
	require.Equal(t, `saw   order-7 was acked before its handler returned; the handler died; order-7 is gone
want  order-7 is still in inventory.commands and is delivered again
why   an ack tells RabbitMQ to forget: a paid order is never packed
wire  broker→you deliver tag=7 · you→broker ack tag=7 ← handler still running
read  01-basics/README.md#ack
`, claim.String())
}

func TestSawIsShownWholeAndTheOthersInOneLine(t *testing.T) {
	t.Parallel()
	claim := lab.Claim{Saw: "one\n\n  two\n", Want: "three\n  four", Why: " ", Read: "x"}
	require.Equal(t, "saw   one\n\n        two\nwant  three four\nread  x\n", claim.String())
}
